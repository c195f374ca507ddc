"""Findings with real pictures in them, of targets that can be run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlfuzz.findings.finding import FileRef, Finding, identify
from mlfuzz.modality.image import Image
from mlfuzz.targets.callable import CallableTarget
from mlfuzz.testing.puzzles import LABELS, SIZE


def kept(target: Any, seed: Path, change: int, **changes: Any) -> tuple[Finding, dict[str, bytes]]:
    """A finding whose input is the seed with `change` added to its pixels."""
    modality = target.modality
    pixels = modality.decode(seed.read_bytes(), suffix=".png")
    moved = np.clip(pixels.astype(int) + change, 0, 255).astype(np.uint8)
    files = {"input.png": modality.encode(moved), "seed.png": seed.read_bytes()}
    refs = [FileRef(name, hashlib.sha256(data).hexdigest()) for name, data in files.items()]
    given = {
        "id": identify(files["input.png"], target.name, "label"), "side": "model", "kind": "label",
        "target": target.name, "modality": {"name": "image", **modality.describe()}, "oracle": {"name": "label"},
        "label": "dull", "floor": 1e-4,
    }  # fmt: skip
    return Finding(**{**given, "input": refs[0], "seed": refs[1], **changes}), files


def contrary() -> CallableTarget:
    """Answers "other" to everything; otherwise like `puzzles.sound`."""
    return CallableTarget("sound", Image(size=SIZE), _other, labels=LABELS, numpy=True)


def _other(pictures: Any) -> Any:
    return np.tile([0.0, 0.0, 1.0], (len(pictures), 1))


def train(folders: Sequence[Path]) -> CallableTarget:
    """A model that is trained in a blink: the mean brightness of each class; the nearest one answers."""
    means: dict[str, list[float]] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.png")):
            pixels = Image(size=SIZE).decode(path.read_bytes(), suffix=".png")
            means.setdefault(path.parent.name, []).append(float(np.mean(pixels)) / 255)
    centres = np.asarray([np.mean(means[label]) for label in ("dark", "light")])

    def nearest(pictures: Any) -> Any:
        return -np.abs(pictures.mean(axis=(1, 2, 3))[:, None] - centres)

    return CallableTarget("shade", Image(size=SIZE), nearest, labels=("dark", "light"), numpy=True)


def shades(folder: Path, label: str, levels: Sequence[int]) -> None:
    """Even pictures of these levels under a label."""
    for number, level in enumerate(levels):
        path = folder / label / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Image(size=SIZE).encode(np.full((1, *SIZE), level, np.uint8)))
