#!/usr/bin/env python3
"""Retrain the fragile digits on what mlfuzz found in them; show that faults it never saw are cured too.

    mlfuzz fuzz digits:fragile --time 2m
    mlfuzz findings export --format dataset --output found
    OMP_NUM_THREADS=1 python scripts/retrain_digits.py found --output digits-cured.safetensors

A quarter of each batch are findings under their true labels, the rest the digits that the twin was trained on. It is
judged on three things it has not seen: findings of held-out faults, new mutants of the seeds, and clean digits.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import train_digits
import train_fit
from safetensors.torch import save_file
from torch import Tensor, nn

from mlfuzz.examples.digits import LABELS, SIZE, centre, fragile
from mlfuzz.findings.dataset import MANIFEST
from mlfuzz.modality.image import Image
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.testing.robust import assert_robust

FINDINGS_A_BATCH = 0.25
EPOCHS, BATCH, RATE = 15, 64, 3e-3

CURED = 0.5
"""At most this share of the held-out findings may still fail, and of the new mutants that failed before."""

CLEAN_LOSS = 0.02
"""Of 397 clean digits, whose accuracy has a standard error of 0.5 %; 0.8 to 1.5 % were lost at several rates.

A sixth of what a campaign finds has lost its label by the votes of other models, and is trained on all the same; that
this is why was not measured."""


@dataclass(frozen=True, slots=True)
class Found:
    """Pictures (N, 1, 28, 28) in [0, 1] and classes (N,) of one part of an exported dataset."""

    pictures: Tensor
    classes: Tensor


@dataclass(frozen=True, slots=True)
class Figures:
    """heldout: share of the findings of held-out faults that fail. mutants: of new mutants. clean: accuracy."""

    heldout: float
    mutants: float
    clean: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", type=Path, help="folder that `mlfuzz findings export --format dataset` wrote")
    parser.add_argument("--output", type=Path, help="write the new weights here")
    parser.add_argument("--mutants", type=int, default=6_400, help="new mutants that are tried before and after")
    given = parser.parse_args(arguments)
    train_fit.deterministic()
    train, heldout = read_part(given.dataset, "train"), read_part(given.dataset, "heldout")
    print(f"{len(train.classes)} findings to train on, {len(heldout.classes)} of held-out faults")
    pictures, classes, held = clean_digits()
    sick = fragile()
    cured = retrained(sick.model, train, pictures[~held], classes[~held])
    before, after = (
        figures(model, heldout, pictures[held], classes[held], given.mutants) for model in (sick.model, cured)
    )
    for what in ("heldout", "mutants", "clean"):
        print(f"{what:<8} {getattr(before, what):7.2%} -> {getattr(after, what):7.2%}")
    if given.output is not None:
        save_file({name: value.contiguous() for name, value in cured.state_dict().items()}, given.output)
    return verdict(before, after)


def read_part(folder: Path, part: str) -> Found:
    """Raises SystemExit where the folder is no dataset, or has nothing in that part."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        sys.exit(f"{manifest} is not there; write it with: mlfuzz findings export --format dataset --output {folder}")
    rows = [row for line in manifest.read_text().splitlines() if (row := json.loads(line))["split"] == part]
    if not rows:
        sys.exit(f"{manifest} has nothing in {part!r}: find more faults first")
    codec = Image(size=SIZE)
    stored = [codec.decode((folder / row["file"]).read_bytes(), suffix=".png") for row in rows]
    pictures = torch.from_numpy(np.stack([np.asarray(each) for each in stored])).float() / 255
    return Found(pictures, torch.tensor([LABELS.index(row["label"]) for row in rows]))


def clean_digits() -> tuple[Tensor, Tensor, Tensor]:
    """Pictures, classes, and which of them the twins were not trained on (N,) bool."""
    pictures, classes = train_digits.enlarged()
    order = torch.from_numpy(np.random.default_rng(1797).permutation(len(classes)))
    held = torch.zeros(len(classes), dtype=torch.bool)
    held[order[: train_digits.HELD_OUT]] = True
    return pictures, classes, held


def retrained(model: nn.Module, found: Found, pictures: Tensor, classes: Tensor) -> nn.Module:
    """A copy of the model, trained on with findings among the digits."""

    def draw(generator: torch.Generator, rows: Tensor) -> tuple[Tensor, Tensor]:
        count = round(FINDINGS_A_BATCH * len(rows))
        picked = torch.randint(0, len(found.classes), (count,), generator=generator)
        shown = torch.cat([found.pictures[picked], pictures[rows[count:]]])
        return centre(shown), torch.cat([found.classes[picked], classes[rows[count:]]])

    return train_fit.fit(
        lambda: copy.deepcopy(model), draw, len(classes), epochs=EPOCHS, batch=BATCH, rate=RATE, seed=4
    )


def figures(model: nn.Module, heldout: Found, pictures: Tensor, classes: Tensor, mutants: int) -> Figures:
    target = ModuleTarget("digits", Image(size=SIZE), model, preprocess=centre, labels=LABELS, seeds=fragile().seeds)
    return Figures(
        heldout=1 - train_fit.accuracy(model, centre(heldout.pictures), heldout.classes),
        mutants=assert_robust(target, max_failure_rate=1.0, time="10m", inputs=mutants, seed=7).rate,
        clean=train_fit.accuracy(model, centre(pictures), classes),
    )


def verdict(before: Figures, after: Figures) -> int:
    wrong = []
    for what in ("heldout", "mutants"):
        if getattr(after, what) > CURED * getattr(before, what):
            wrong.append(f"{what}: more than {CURED:.0%} of the failures are left")
    if after.clean < before.clean - CLEAN_LOSS:
        wrong.append(f"clean accuracy fell by more than {CLEAN_LOSS:.0%}")
    print("\n".join(wrong) or "cured: the faults it never saw are mostly gone, clean digits are read as before")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
