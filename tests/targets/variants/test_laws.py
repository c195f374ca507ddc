"""Every registered variant keeps every law."""

from __future__ import annotations

import copy

import pytest
import torch

import mlfuzz
from mlfuzz.targets.variants.base import VARIANTS, build
from mlfuzz.testing.variants import LAWS, example_target

ARGUMENTS = {"own": "pruned", "checkpoint": "targets.variants.test_laws:other", "threads": "threads:2"}
"""How those are named that need more than their name."""

SLOW = {"compile", "cost-bytes"}


def other():
    """The target's older checkpoint."""
    target = example_target()
    target.name = "older"
    with torch.no_grad():
        target.model[3].bias += 0.1
    return target


class Loudness(torch.nn.Module):
    """Of a sound's valid samples alone."""

    def forward(self, x, lengths):
        inside = torch.arange(x.shape[-1]) < lengths[:, None, None]
        mean = (x.square() * inside).sum((1, 2)) / lengths
        return torch.stack([mean, 0.02 - mean], 1)


def listening():
    return mlfuzz.ModuleTarget("listening", mlfuzz.Audio(sample_rate_hz=1000, seconds=None), Loudness())


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in VARIANTS.names()]
)
def test_a_registered_variant_keeps_the_laws(name):
    one = listening() if name == "padded" else complete()
    kept = build(one, ARGUMENTS.get(name, name)) if name == "compile" else None  # 3 s each time
    for law in LAWS:
        law(lambda target: kept or build(target, ARGUMENTS.get(name, name)), one)


def complete():
    target = example_target()
    target.variants = {"pruned": copy.deepcopy(target.model)}
    return target
