"""A project with a tiny target whose threshold lies in a file, and regressions of it: a model that can be mended."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from mlfuzz.findings.finding import FileRef, Finding, Run, identify
from mlfuzz.findings.regression import write_regression
from mlfuzz.findings.trust import note_begun
from mlfuzz.modality.image import Image
from mlfuzz.mutation import Mutation

SUBJECT = '''
import os
from pathlib import Path

import numpy as np

import mlfuzz

HERE = Path(__file__).parent


def answer(pictures):
    """Scores of dark and bright; brighter than the number in the file `limit` is bright."""
    with (HERE / "calls").open("a") as file:
        file.write(f"{len(pictures)}\\n")
    limit = float((HERE / "limit").read_text())
    mean = pictures.mean(axis=(1, 2, 3))
    if (mean > 0.93).any() and limit < 0.9:
        raise ValueError("too bright")
    if (mean > 0.85).any() and limit < 0.8:
        os._exit(7)
    return np.stack([np.zeros_like(mean), 10 * (mean - limit)], 1)


def lamp():
    return mlfuzz.CallableTarget("lamp", mlfuzz.Image(size=(8, 8)), answer, labels=("dark", "bright"), numpy=True)
'''

MODALITY = Image(size=(8, 8))

BROKEN, MENDED = "0.4", "0.92"
"""Thresholds: with the first every regression fails, with the second none."""


class Lamp:
    """The project in a folder. `limit` decides what the target says."""

    def __init__(self, folder: Path, *, settings: str = "") -> None:
        self.folder = folder
        (folder / "subject.py").write_text(SUBJECT)
        (folder / "mlfuzz.toml").write_text(settings)
        self.limit(BROKEN)
        note_begun(folder, ["subject:lamp"])

    def limit(self, value: str) -> None:
        (self.folder / "limit").write_text(value)

    def calls(self) -> list[int]:
        """Sizes of the batches that the target was given."""
        path = self.folder / "calls"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def keep(self, number: int = 0, *, level: int = 128, **changes: Any) -> Path:
        """Write a regression: a dark seed, and an input of brightness `level` that the broken target calls bright."""
        pixels = np.full((1, 8, 8), level, np.uint8)
        pixels[0, 0, :3] = number % 200, number // 200, level
        seed = np.full((1, 8, 8), 40, np.uint8)
        files = {"input.png": MODALITY.encode(pixels), "seed.png": MODALITY.encode(seed)}
        refs = [FileRef(name, hashlib.sha256(data).hexdigest()) for name, data in files.items()]
        given: dict[str, Any] = {
            "id": identify(files["input.png"], "lamp", str(changes.get("kind", "label"))), "side": "model",
            "kind": "label", "target": "lamp", "load": "subject:lamp",
            "modality": {"name": "image", **MODALITY.describe()}, "oracle": {"name": "label"}, "label": "dark",
            "seed_name": "dark/0001.png", "expected": "dark", "observed": "bright", "margin": 1.0, "floor": 1e-4,
            "unit": "score", "verdict": "confirmed", "confirmed": "3/3", "sentence": "brightness 0.34 of full scale",
            "chain": (Mutation("image.brightness", {"amount": 0.34}),), "fault": "label|dark->bright|image.brightness",
            "before": Run("dark", {"dark": 0.0, "bright": -2.4}),
        }  # fmt: skip
        finding = Finding(**{**given, "input": refs[0], "seed": refs[1], **changes})
        return write_regression(self.folder / "corpus" / "regressions" / "lamp", finding, files)

    def keep_exception(self, **changes: Any) -> Path:
        return self.keep(
            level=250, kind="exception", oracle={}, key="exception|ValueError|subject.py:answer", expected="an answer",
            observed="ValueError", message="too bright", margin=None, floor=None, **changes,
        )  # fmt: skip

    def keep_exit(self, **changes: Any) -> Path:
        return self.keep(
            level=225, kind="exit", oracle={}, key="exit|exit 7|subject.py:answer", expected="an answer",
            observed="exit 7", margin=None, floor=None, **changes,
        )  # fmt: skip
