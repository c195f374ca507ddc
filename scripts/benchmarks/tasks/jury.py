"""The jury for digits at 28 x 28: a support vector machine and two networks, trained with the operators themselves."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.svm import SVC
from torch import Tensor, nn

from mlfuzz.batch import Rows, TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.mutators.base import MUTATORS
from tasks.digits28 import digits, fit, kept, lenet
from tasks.judge import Embed, Judge, Vote, natural_radius

DIGIT = Image(size=(28, 28))

COPIES = 6
"""Mutated copies of each training picture that the support vector machine learns from."""


def wide() -> nn.Sequential:
    """Two convolutions of 5 x 5 and one hidden layer."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 49, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def deep() -> nn.Sequential:
    """Three convolutions of 3 x 3 and means."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(32, 48, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(192, 64),
        nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def mutated(pictures: Tensor, operators: Sequence[str], rng: np.random.Generator, modality: Image = DIGIT) -> Tensor:
    """Each picture (B, 1, H, W) with one of the operators, at random; one in ten as it is."""
    out, lots = pictures.clone(), rng.integers(0, len(operators), len(pictures))
    lots[rng.random(len(pictures)) < 0.1] = -1
    for number, name in enumerate(operators):
        rows = np.flatnonzero(lots == number)
        if len(rows):
            part = MUTATORS.get(name)
            batch = TensorRows(pictures[rows], DIGIT)
            columns = part.record(batch, part.draw(len(rows), rng), rng.integers(0, 2**63 - 1, len(rows)))
            done = part.apply(batch, columns)
            assert isinstance(done, TensorRows)
            out[rows] = done.data
    return out


def jury(cache_folder: Path, operators: Sequence[str], name: str) -> Judge:
    """Trained on digits mutated by `operators` (a seed of its own, in no campaign); kept under `name`."""
    return _jury(cache_folder, tuple(operators), name)


@cache
def references(cache_folder: Path, operators: tuple[str, ...], name: str) -> tuple[Vote, ...]:
    """Three networks for a campaign's own filter on labels; none of them sits in a jury."""
    return tuple(_network(_taught(cache_folder, operators, name, lenet, seed)) for seed in (11, 12, 13))


def _taught(
    cache_folder: Path, operators: Sequence[str], name: str, build: Callable[[], nn.Module], seed: int
) -> nn.Module:
    train, _ = digits()
    rng = np.random.default_rng(900 + seed)

    def draw(rows: Tensor) -> tuple[Tensor, Tensor]:
        return mutated(train.pictures[rows], operators, rng), train.classes[rows]

    def learn(model: nn.Module) -> None:
        fit(model, draw, len(train.classes), epochs=12, seed=900 + seed)

    def blank() -> nn.Module:
        torch.manual_seed(900 + seed)
        return build()

    return kept(cache_folder, f"jury-{name}-{seed}", blank, learn)


@cache
def _jury(cache_folder: Path, operators: tuple[str, ...], name: str) -> Judge:
    _, held = digits()
    one, other = (_taught(cache_folder, operators, name, build, seed) for build, seed in ((wide, 1), (deep, 2)))
    machine = stored(cache_folder / f"jury-{name}.joblib", lambda: _machine(operators))
    embed = _embedding(one)
    natural = embed(TensorRows(held.pictures, DIGIT))
    votes = (_network(one), _network(other), _flat(machine))
    names = ("CNN 5x5 with augmentation", "CNN 3x3 with augmentation", "SVM with augmentation")
    return Judge(votes, names, embed, natural_radius(natural, held.classes.numpy()))


def stored(path: Path, make: Callable[[], Any]) -> Any:
    """An estimator of scikit-learn: read, or made and put there. The folder is this program's own."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            joblib.dump(make(), path)
        return joblib.load(path)


def _machine(operators: Sequence[str]) -> SVC:
    train, _ = digits()
    rng = np.random.default_rng(903)
    pictures = torch.cat([train.pictures, *(mutated(train.pictures, operators, rng) for _ in range(COPIES))])
    return SVC(C=10.0, gamma="scale").fit(_pooled(pictures), train.classes.repeat(1 + COPIES).numpy())


def _pooled(pictures: Tensor) -> NDArray[np.float32]:
    """(B, 196): a support vector machine needs no more of a picture that was 8 x 8 once."""
    return nn.functional.avg_pool2d(pictures, 2).flatten(1).numpy()


def pixels(rows: Rows) -> Tensor:
    """(B, 1, H, W) in [0, 1]."""
    assert isinstance(rows, TensorRows)
    return rows.data


def _network(model: nn.Module) -> Vote:
    def vote(rows: Rows, labels: Sequence[str]) -> NDArray[np.bool_]:
        with torch.inference_mode():
            return model(pixels(rows)).argmax(1).numpy() == np.asarray(labels).astype(np.int64)  # type: ignore[no-any-return]

    return vote


def _flat(machine: SVC) -> Vote:
    def vote(rows: Rows, labels: Sequence[str]) -> NDArray[np.bool_]:
        return machine.predict(_pooled(pixels(rows))) == np.asarray(labels).astype(np.int64)  # type: ignore[no-any-return]

    return vote


def _embedding(model: nn.Module) -> Embed:
    """What the last layer is handed."""
    head = list(model.children())[:-1]

    def embed(rows: Rows) -> NDArray[np.float32]:
        with torch.inference_mode():
            data = pixels(rows)
            for layer in head:
                data = layer(data)
            return data.numpy().astype(np.float32)

    return embed
