"""TensorFuzz's second experiment: where a network and its copy in fewer bits answer differently.

MLP 784-200-100-10 with torch's own initialisation, 40 held-out pictures that it gets right, changes of at most 0.4 on
[-1, 1] to any pixel, normal noise of deviation 0.2. On TensorFuzz's grid of float32, and on that of 8-bit pictures.
Source: Odena et al., TensorFuzz, ICML 2019, section 4.2; the released examples/quantize.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import nn

import mlfuzz
from tasks.digits28 import LABELS, descend, digits, kept, mlp, right, write_seeds
from tasks.operators import FREE, white_noise
from tasks.task import Setup, Task
from tasks.top1 import NAME

STEPS = 10_000
ROOTS = 40
PER_ROOT = 2_000
"""Evaluations of its own in which a root must break, where nothing of the model but its answers is known."""

LINF = 0.2
"""Of full scale: 0.4 on [-1, 1]."""


def network(repeat: int, cache: Path) -> nn.Module:
    """The trained MLP, on [-1, 1]."""
    train, _ = digits()

    def learn(model: nn.Module) -> None:
        descend(model, train.pictures * 2 - 1, train.classes, steps=STEPS, rate=0.05, batch=100, seed=repeat)

    def blank() -> nn.Module:
        torch.manual_seed(repeat)
        return mlp()

    return kept(cache, f"mlp-{repeat}", blank, learn)


def build(repeat: int, cache: Path, *, variant: str, grid: Literal["float32", "uint8"]) -> Setup:
    _, held = digits()
    model = network(repeat, cache)
    good = right(lambda pictures: model(pictures * 2 - 1), held)
    chosen = good[torch.randperm(len(good), generator=torch.Generator().manual_seed(repeat))[:ROOTS].numpy()]
    levels = None if grid == "float32" else 255
    path = cache / f"mlp-{repeat}-{grid}.npz"
    seeds = write_seeds(path, held.pictures[chosen], held.classes[chosen], levels=levels)

    def target() -> mlfuzz.ModuleTarget:
        modality = mlfuzz.Image(size=(28, 28), grid=grid, range=(-1.0, 1.0))
        return mlfuzz.ModuleTarget("bench:mlp", modality, model, labels=LABELS)

    options = {
        "oracles": [{"name": NAME, "of": variant}],
        "mutators": [white_noise(0.1, "image.tensorfuzz_noise")],
        "limits": {**FREE, "linf": LINF},
        "batch": 200,
    }
    return Setup(target, seeds, options, per_root=PER_ROOT)


def _task(variant: str, grid: Literal["float32", "uint8"], goal: str) -> Task:
    bits = "" if grid == "float32" else " 8-bit"
    return Task(
        variant + bits, partial(build, variant=variant, grid=grid), evaluations=ROOTS * PER_ROOT, short=ROOTS * 100,
        chief="roots", goal=goal, search=True, differentiable=True,
    )  # fmt: skip


TASKS = (
    *(
        _task(name, "float32", "white box 40/40, median <= 50; black box >= 38/40 in 2,000")
        for name in ("fp16", "bf16", "int8")
    ),
    *(_task(name, "uint8", ">= 39/40, median <= 1,000") for name in ("fp16", "bf16", "int8")),
)
