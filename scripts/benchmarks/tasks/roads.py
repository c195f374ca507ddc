"""DeepTest's set-up: a network that steers along rendered roads, and every transformation of the paper.

A frame is 32 x 64 grey pixels: sky, grass, a road that bends and on which the car stands off the middle, lane markings.
The steering angle follows from bend and place. An answer is wrong where its squared distance from the answer to the
clean frame is above lambda = 5 times the network's mean squared error.
Source: Tian et al., DeepTest, ICSE 2018, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor
from torch import Tensor, nn
from torch.nn import functional

import mlfuzz
from mlfuzz.batch import Rows, TensorRows
from tasks.digits28 import fit, kept, write_named_seeds
from tasks.judge import Judge, Vote, natural_radius
from tasks.jury import mutated, pixels, stored
from tasks.operators import FREE, deeptest
from tasks.task import Setup, Task

HEIGHT, WIDTH, HORIZON = 32, 64, 9
FRAMES, HELD_OUT, SEEDS = 3_000, 500, 100
LAMBDA = 5.0
NATURAL_BINS = 9
"""Frames whose angles fall into one of so many equal parts count as alike when the radius of a fault is measured."""


def render(count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Frames (n, 1, 32, 64) in [0, 1] on the 8-bit grid, and angles (n,) in about [-1, 1], left to right."""
    bend, place = rng.uniform(-1, 1, (2, count, 1, 1))
    below = np.arange(HEIGHT)[None, :, None] - HORIZON
    near = np.clip(below / (HEIGHT - 1 - HORIZON), 0, 1)
    middle = WIDTH / 2 + bend * 22 * (1 - near) ** 2 - place * 14 * near
    half = 2 + 26 * near
    across = np.arange(WIDTH)[None, None, :] - middle
    level = rng.uniform(0.0, 0.15, (4, count, 1, 1))
    sky, grass, road = 0.7 + level[0], 0.3 + level[1], 0.45 + level[2]
    frame = np.where(below < 0, sky, np.where(np.abs(across) < half, road, grass))
    edge = (np.abs(np.abs(across) - half) < 0.6 + 1.4 * near) & (below >= 0)
    phase = rng.uniform(0, 1, (count, 1, 1))
    dashes = (np.sin(2 * np.pi * (4 / (0.25 + near) + phase)) > 0) & (np.abs(across) < 0.4 + near) & (below >= 0)
    frame = np.where(edge | dashes, 0.85 + level[3], frame) + rng.normal(0, 0.015, frame.shape)
    angle = 0.65 * bend[:, 0, 0] + 0.35 * place[:, 0, 0]
    rounded = np.rint(frame.clip(0, 1) * 255) / 255
    return torch.from_numpy(rounded.astype(np.float32))[:, None], torch.from_numpy(angle.astype(np.float32))


def steering(width: int = 16) -> nn.Sequential:
    """Three convolutions and a hidden layer: (B, 1, 32, 64) -> angle (B, 1)."""
    return nn.Sequential(
        nn.Conv2d(1, width, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(width, 24, 5, stride=2, padding=2), nn.ReLU(),
        nn.Conv2d(24, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 32, 32), nn.ReLU(),
        nn.Linear(32, 1),
    )  # fmt: skip


@cache
def _frames() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Frames and angles to train on, then held out."""
    frames, angles = render(FRAMES + HELD_OUT, np.random.default_rng(0))
    return frames[:FRAMES], angles[:FRAMES], frames[FRAMES:], angles[FRAMES:]


def _taught(cache_folder: Path, name: str, seed: int, width: int, change: Callable[[Tensor], Tensor]) -> nn.Module:
    frames, angles, _, _ = _frames()

    def learn(model: nn.Module) -> None:
        def draw(rows: Tensor) -> tuple[Tensor, Tensor]:
            return change(frames[rows]), angles[rows, None]

        fit(model, draw, FRAMES, epochs=12, seed=seed, loss=functional.mse_loss)

    def blank() -> nn.Module:
        torch.manual_seed(seed)
        return steering(width)

    return kept(cache_folder, name, blank, learn)


def build(repeat: int, cache_folder: Path) -> Setup:
    _, _, frames, angles = _frames()
    model = _taught(cache_folder, f"roads-{repeat}", repeat, 16, lambda batch: batch)
    with torch.inference_mode():
        errors = (model(frames)[:, 0] - angles).square()
    mse = float(errors.mean())
    good = np.flatnonzero((errors < mse).numpy())
    rows = good[np.random.default_rng(repeat).permutation(len(good))[:SEEDS]]
    names = [f"{float(angles[row]):.4f}" for row in rows]
    seeds = write_named_seeds(cache_folder / f"roads-{repeat}.npz", frames[rows], names, levels=255)
    operators = deeptest()

    def target() -> mlfuzz.ModuleTarget:
        return mlfuzz.ModuleTarget("bench:roads", mlfuzz.Image(size=(HEIGHT, WIDTH)), model)

    options = {
        "oracles": [{"name": "tolerance", "factor": LAMBDA, "mse": mse}],
        "mutators": operators,
        "batch": 100,
        "limits": {**FREE, "steps": 4},
    }
    return Setup(target, seeds, options, _jury(cache_folder, tuple(operators), (LAMBDA * mse) ** 0.5))


def _jury(cache_folder: Path, operators: Sequence[str], tolerated: float) -> Judge:
    """Two networks and a forest trained on mutated frames. A vote: the root's angle, as near as is tolerated."""
    rng = np.random.default_rng(950)
    shape = mlfuzz.Image(size=(HEIGHT, WIDTH))
    one, other = (
        _taught(cache_folder, f"roads-jury-{at}", 950 + at, width, lambda batch: mutated(batch, operators, rng, shape))
        for at, width in ((1, 24), (2, 12))
    )
    forest = _forest(cache_folder, operators)
    body = nn.Sequential(*list(one.children())[:-1])

    def embed(rows: Rows) -> NDArray[np.float32]:
        with torch.inference_mode():
            return body(pixels(rows)).numpy()  # type: ignore[no-any-return]

    _, _, frames, angles = _frames()
    bins = np.digitize(angles.numpy(), np.linspace(-1, 1, NATURAL_BINS + 1))
    votes = (_network(one, tolerated), _network(other, tolerated), _trees(forest, tolerated))
    names = ("CNN with augmentation", "narrower CNN with augmentation", "extremely random trees with augmentation")
    return Judge(votes, names, embed, natural_radius(embed(TensorRows(frames, shape)), bins))


def _small(frames: Tensor) -> NDArray[np.float32]:
    return functional.avg_pool2d(frames, 2).flatten(1).numpy()


def _forest(cache_folder: Path, operators: Sequence[str]) -> ExtraTreesRegressor:
    return stored(cache_folder / "roads-jury.joblib", lambda: _grown(operators))


def _grown(operators: Sequence[str]) -> ExtraTreesRegressor:
    frames, angles, _, _ = _frames()
    rng = np.random.default_rng(952)
    shape = mlfuzz.Image(size=(HEIGHT, WIDTH))
    shown = torch.cat([frames, mutated(frames, operators, rng, shape)])
    forest = ExtraTreesRegressor(40, min_samples_leaf=2, max_features=0.3, random_state=0)
    return forest.fit(_small(shown), angles.repeat(2).numpy())


def _network(model: nn.Module, tolerated: float) -> Vote:
    def vote(rows: Rows, labels: Sequence[str]) -> NDArray[np.bool_]:
        with torch.inference_mode():
            angles = model(pixels(rows))[:, 0].numpy()
        return np.abs(angles - np.asarray(labels).astype(np.float32)) <= tolerated  # type: ignore[no-any-return]

    return vote


def _trees(forest: ExtraTreesRegressor, tolerated: float) -> Vote:
    def vote(rows: Rows, labels: Sequence[str]) -> NDArray[np.bool_]:
        angles = forest.predict(_small(pixels(rows)))
        return np.abs(angles - np.asarray(labels).astype(np.float32)) <= tolerated  # type: ignore[no-any-return]

    return vote


TASK = Task(
    "deeptest", build, evaluations=12_000, short=4_000, chief="faults",
    goal="more distinct errors than random whose frames still steer alike",
)  # fmt: skip
