"""Reference models vote while the loop runs, and what they refuse becomes milder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import mlfuzz
from mlfuzz.batch import from_payloads
from mlfuzz.budget import Budget
from mlfuzz.campaign.loop.label_vote import LabelVote
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.examples import digits

GREYS = mlfuzz.Image(size=(2, 2))


def juror(threshold: float) -> Any:
    """Calls a picture bright from this mean on."""

    def answer(pictures: torch.Tensor) -> torch.Tensor:
        mean = pictures.flatten(1).mean(1, keepdim=True)
        return torch.cat([threshold - mean, mean - threshold], 1)

    return mlfuzz.CallableTarget(f"juror{threshold}", GREYS, answer, labels=("dark", "bright"))


def grey(*levels: int) -> Any:
    return from_payloads([np.full((1, 2, 2), level, np.uint8) for level in levels], GREYS, torch.device("cpu"))


def refused(jurors: list[Any], seeds: list[int], labels: list[str | None], rows: list[int]) -> list[bool]:
    vote = LabelVote({one.name: one for one in jurors}, lambda numbers: grey(*(seeds[at] for at in numbers)), labels)
    return vote.refused(grey(*rows), np.arange(len(rows))).tolist()


def test_most_votes_decide() -> None:
    jurors = [juror(0.3), juror(0.4), juror(0.9)]
    assert refused(jurors, [10, 10], ["dark", "dark"], [90, 140]) == [False, True]


def test_who_is_wrong_about_the_seed_has_no_vote() -> None:
    assert refused([juror(0.3)], [200], ["dark"], [10]) == [False]
    assert refused([juror(0.3)], [200], ["bright"], [10]) == [True]


def test_a_seed_without_a_label_is_held_to_what_the_juror_said_of_it() -> None:
    assert refused([juror(0.3)], [200, 200], [None, None], [10, 190]) == [True, False]


@pytest.mark.slow
def test_reference_models_make_operators_milder_where_labels_are_lost(tmp_path: Path) -> None:
    options: dict[str, Any] = {"validity": ["mlfuzz.examples.digits:robust"], "batch": 256, "max_seeds": 20}
    with Campaign.open(tmp_path / "c", digits.fragile(), search="off", **options) as campaign:
        campaign.run(Budget(inputs=4_000), triage_here=False)
        caps = campaign.loop._caps
    assert caps is not None
    assert 0.0 < (caps.most < 1.0).mean() < 0.5
    assert caps.most.min() > 0.0
