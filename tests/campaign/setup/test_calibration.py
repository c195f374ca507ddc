"""What is measured of a target once: whether it answers the same inputs alike too."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import mlfuzz
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.testing.puzzles import puzzle_seeds, raise_when_flat


@pytest.mark.slow
@pytest.mark.parametrize(("noise", "said"), [(0.0, False), (1e-7, False), (3.0, True)])
def test_a_target_that_answers_the_same_inputs_otherwise_is_called_so_and_again_when_resumed(
    noise: float, said: bool, tmp_path: Path
) -> None:
    healthy = raise_when_flat()

    def answer(pictures: Tensor) -> Tensor:
        scores: Tensor = healthy.model(pictures)
        return scores + noise * torch.randn(scores.shape)

    puzzle_seeds(tmp_path / "seeds")
    for _ in range(2):
        target = mlfuzz.CallableTarget("noisy", healthy.modality, answer)
        with Campaign.open(tmp_path / "c", target, seeds=tmp_path / "seeds", batch=32) as campaign:
            assert ("not deterministic" in campaign.calibration.unstable) == said
            assert any("not deterministic" in text for text in campaign.warnings) == said
            assert bool(campaign.stats.unstable) == said
