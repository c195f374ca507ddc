"""The fragile twins of all three modalities, with their planted weaknesses and mlfuzz's own operators and limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import mlfuzz
from mlfuzz.batch import Rows, from_payloads
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.examples import digits, language, speech
from tasks.judge import Embed, Judge, Vote, natural_radius
from tasks.task import Setup, Task

LIMITS = {"per_kind": 1.0, "total": 2.0, "steps": 4, "sums": {"rotation": 30.0, "shift": 0.2}}
"""mlfuzz's own: written out, since a preset brings others where a task says nothing."""


def robust_judge(robust: mlfuzz.ModuleTarget) -> Judge:
    """The robust twin: same architecture, trained with augmentation, never fuzzed."""
    last = [module for module in robust.model.modules() if isinstance(module, torch.nn.Linear)][-1]
    seen: list[torch.Tensor] = []
    last.register_forward_hook(lambda _, arguments, __: seen.append(arguments[0].detach()))
    embed = _before_the_last(robust, seen)
    assert robust.seeds is not None
    seeds = load_seeds(robust.seeds, robust.modality, labels=robust.labels).seeds
    rows = from_payloads([seed.payload for seed in seeds], robust.modality, robust.device)
    classes = np.asarray([robust.labels.index(str(seed.label)) for seed in seeds], np.int64)
    return Judge((_vote(robust),), ("robust twin",), embed, natural_radius(embed(rows), classes))


def _vote(robust: mlfuzz.ModuleTarget) -> Vote:
    def vote(rows: Rows, labels: Sequence[str]) -> NDArray[np.bool_]:
        said = robust.run(rows).main.argmax(1).tolist()
        return np.asarray([robust.labels[number] == label for number, label in zip(said, labels, strict=True)])

    return vote


def _before_the_last(robust: mlfuzz.ModuleTarget, seen: list[torch.Tensor]) -> Embed:
    """What the last linear layer is handed."""

    def embed(rows: Rows) -> NDArray[np.float32]:
        seen.clear()
        robust.run(rows)
        return seen[-1].flatten(1).numpy().astype(np.float32)

    return embed


def twin(
    name: str, fragile: Callable[[], mlfuzz.ModuleTarget], robust: Callable[[], mlfuzz.ModuleTarget], *, batch: int,
    evaluations: int, short: int,
) -> Task:  # fmt: skip
    def build(repeat: int, cache: Path) -> Setup:
        seeds = fragile().seeds
        assert seeds is not None
        options = {"oracles": ["nonfinite", "label"], "mutators": ["default"], "limits": LIMITS, "batch": batch}
        return Setup(fragile, seeds, options, robust_judge(robust()))

    return Task(
        name, build, evaluations=evaluations, short=short, chief="faults",
        goal=">= 2 x the distinct faults of random in 10,000 evaluations",
    )  # fmt: skip


TASKS = (
    twin("digits", digits.fragile, digits.robust, batch=200, evaluations=10_000, short=4_000),
    twin("speech", speech.fragile, speech.robust, batch=100, evaluations=10_000, short=2_000),
    twin("language", language.fragile, language.robust, batch=200, evaluations=10_000, short=4_000),
)
