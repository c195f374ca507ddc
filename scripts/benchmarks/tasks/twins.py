"""The fragile twins of all three modalities, with their planted weaknesses and mlfuzz's own operators and limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler
from torch.nn import functional

import mlfuzz
from mlfuzz.batch import Rows, TensorRows, TextRows, from_payloads
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.examples import digits, language, speech
from mlfuzz.mutators.base import select
from tasks.judge import Embed, Judge, Vote, natural_radius
from tasks.jury import stored
from tasks.task import Setup, Task

LETTERS = HashingVectorizer(analyzer="char_wb", ngram_range=(1, 3), n_features=1 << 14)

LIMITS = {"per_kind": 1.0, "total": 2.0, "steps": 4, "sums": {"rotation": 30.0, "shift": 0.2}}
"""mlfuzz's own: written out, since a preset brings others where a task says nothing."""


def jury(robust: mlfuzz.ModuleTarget, cache: Path) -> Judge:
    """The robust twin, and a model of scikit-learn that learnt the seeds with all that mlfuzz does to them.

    Both must see the label: the first was trained with augmentation on other data, the second on these very seeds.
    """
    last = [module for module in robust.model.modules() if isinstance(module, torch.nn.Linear)][-1]
    seen: list[torch.Tensor] = []
    last.register_forward_hook(lambda _, arguments, __: seen.append(arguments[0].detach()))
    embed = _before_the_last(robust, seen)
    assert robust.seeds is not None
    seeds = load_seeds(robust.seeds, robust.modality, labels=robust.labels).seeds
    rows = from_payloads([seed.payload for seed in seeds], robust.modality, robust.device)
    classes = np.asarray([robust.labels.index(str(seed.label)) for seed in seeds], np.int64)
    name = robust.modality.name
    classifier = stored(cache / f"twin-{name}.joblib", lambda: _learnt(rows, classes))
    names = ("robust twin", "linear model of scikit-learn, with augmentation")
    votes = (_vote(robust), _linear(classifier, robust.labels))
    return Judge(votes, names, embed, natural_radius(embed(rows), classes))


def _learnt(rows: Rows, classes: NDArray[np.int64]) -> Any:
    """Each seed as it is and by every default operator that keeps labels, twice."""
    rng = np.random.default_rng(960)
    name = rows.modality.name  # type: ignore[attr-defined]
    shown, answers = [looks(rows)], [classes]
    for part in [each for each in select(name, ["default"]) if each.effect == "invariant"] * 2:
        recorded = part.record(rows, part.draw(len(rows), rng), rng.integers(0, 2**63 - 1, len(rows)))
        shown.append(looks(part.apply(rows, recorded)))
        answers.append(classes)
    stacked = scipy.sparse.vstack(shown) if name == "text" else np.concatenate(shown)
    model = make_pipeline(MaxAbsScaler(), SGDClassifier(alpha=1e-4, random_state=0, max_iter=300))
    return model.fit(stacked, np.concatenate(answers))


def looks(rows: Rows) -> Any:
    """What the linear model is told of B rows: pixels by fours, log-mel energies by tenths of the time, letters."""
    if isinstance(rows, TextRows):
        return LETTERS.transform(list(rows.texts))
    assert isinstance(rows, TensorRows)
    if rows.modality.name == "image":
        return functional.avg_pool2d(rows.data, 2).flatten(1).numpy()
    with torch.inference_mode():
        mel = speech.LogMel()(rows.data)
        return functional.adaptive_avg_pool1d(mel - mel.mean((1, 2), keepdim=True), 10).flatten(1).numpy()


def _linear(classifier: Any, names: Sequence[str]) -> Vote:
    def vote(rows: Rows, labels: Sequence[str]) -> NDArray[np.bool_]:
        return np.asarray(names)[classifier.predict(looks(rows))] == np.asarray(labels)  # type: ignore[no-any-return]

    return vote


def _vote(robust: mlfuzz.ModuleTarget) -> Vote:
    def vote(rows: Rows, labels: Sequence[str]) -> NDArray[np.bool_]:
        classes = robust.run(rows).main.argmax(1).tolist()
        return np.asarray([robust.labels[number] == label for number, label in zip(classes, labels, strict=True)])

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
        return Setup(fragile, seeds, options, jury(robust(), cache))

    return Task(
        name, build, evaluations=evaluations, short=short, chief="faults",
        goal=">= 2 x the distinct faults of random in 10,000 evaluations",
    )  # fmt: skip


TASKS = (
    twin("digits", digits.fragile, digits.robust, batch=200, evaluations=10_000, short=4_000),
    twin("speech", speech.fragile, speech.robust, batch=100, evaluations=10_000, short=2_000),
    twin("language", language.fragile, language.robust, batch=200, evaluations=10_000, short=4_000),
)
