"""DeepHunter's set-up: 200 seeds that a LeNet gets right, 12,000 mutants, its operators, ranges and validity rule.

Source: Xie et al., DeepHunter, ISSTA 2019, sections 3 and 4; the released mutators.py for the ranges.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

import mlfuzz
from tasks.digits28 import LABELS, digits, fit, kept, lenet, right, write_seeds
from tasks.jury import jury, references
from tasks.operators import FREE, deephunter
from tasks.task import Setup, Task

SEEDS = 200


def build(repeat: int, cache: Path) -> Setup:
    train, held = digits()

    def learn(model: nn.Module) -> None:
        def draw(rows: Tensor) -> tuple[Tensor, Tensor]:
            return train.pictures[rows], train.classes[rows]

        fit(model, draw, len(train.classes), epochs=15, seed=repeat)

    def blank() -> nn.Module:
        torch.manual_seed(repeat)
        return lenet()

    model = kept(cache, f"lenet-{repeat}", blank, learn)
    good = right(model, held)
    order = torch.randperm(len(good), generator=torch.Generator().manual_seed(repeat))[:SEEDS]
    chosen = good[order.numpy()]
    seeds = write_seeds(cache / f"lenet-{repeat}.npz", held.pictures[chosen], held.classes[chosen], levels=255)
    operators = deephunter()

    def target() -> mlfuzz.ModuleTarget:
        return mlfuzz.ModuleTarget("bench:lenet", mlfuzz.Image(size=(28, 28)), model, labels=LABELS)

    options = {
        "oracles": ["label"],
        "mutators": operators,
        "batch": 100,
        "limits": {**FREE, "uses": {"geometry": 1}, "alpha_beta": (0.02, 0.2)},
    }
    return Setup(
        target, seeds, options, jury(cache, operators, "deephunter"), references(cache, tuple(operators), "deephunter")
    )


TASK = Task(
    "deephunter", build, evaluations=12_000, short=4_000, chief="faults", differentiable=True,
    goal=">= 197/200 roots, >= 95 % keep their label, more distinct faults than random",
)  # fmt: skip
