"""A relation written as a table: a campaign breaks it, confirms and shrinks what it broke."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

import mlfuzz
from mlfuzz.budget import Budget
from mlfuzz.modality.image import Image
from mlfuzz.targets.callable import CallableTarget
from mlfuzz.testing.puzzles import SIZE, puzzle_seeds

BRIGHTER = {"name": "brighter-is-more", "part": "relation", "monotone": "amount", "mutators": ["image.brightness"]}


def lightness(pictures: Tensor) -> Tensor:
    """Says more of a brighter picture, up to 0.7; of a still brighter one, ever less."""
    mean = pictures.flatten(1).mean(1)
    return torch.where(mean < 0.7, mean, 1.4 - 2.0 * (mean - 0.7) - mean)[:, None]


def test_a_broken_relation_is_found_confirmed_and_shrunk(tmp_path: Path) -> None:
    puzzle_seeds(tmp_path / "seeds")
    target = CallableTarget("lightness", Image(size=SIZE), lightness)
    options = {"oracles": [BRIGHTER], "mutators": ["image.brightness", "image.rotate"], "batch": 64}
    with mlfuzz.Campaign.open(tmp_path / "c", target, seeds=tmp_path / "seeds", **options) as campaign:
        result = campaign.run(Budget(inputs=1_000, seconds=60))
    confirmed = [finding for finding in result.findings if finding.verdict == "confirmed"]
    assert confirmed
    for finding in confirmed:
        assert finding.kind == "brighter-is-more"
        assert {step.name for step in finding.chain} == {"image.brightness"}
        assert finding.expected.startswith("at least 0.6")
        assert finding.oracle == BRIGHTER
    assert {finding.verdict for finding in result.findings} == {"confirmed"}
