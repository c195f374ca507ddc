"""Whoever looks on sees every failure, counts every input, and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from effectiveness_parts.trial import _again
from effectiveness_parts.witness import Witness
from torch import Tensor

import mlfuzz

INPUTS = 640


def brightness(pictures: Tensor) -> Tensor:
    """(B, 1, 6, 6) -> scores of "dark" and "light"."""
    mean = pictures.mean((1, 2, 3)) - 0.5
    return torch.stack([-mean, mean], 1)


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "seeds.npy", rng.integers(90, 120, (5, 6, 6), dtype=np.uint8))
    return tmp_path / "seeds.npy"


def opened(folder: Path, seeds: Path, **options: Any) -> mlfuzz.Campaign:
    target = mlfuzz.CallableTarget("bright", mlfuzz.Image(size=(6, 6)), brightness, labels=("dark", "light"))
    return mlfuzz.Campaign.open(
        folder, target, seeds=seeds, oracles=["label"], mutators=["image.brightness", "image.uniform_noise"], batch=64,
        seed=4, **options,
    )  # fmt: skip


def test_every_input_and_every_failure_is_counted(tmp_path: Path, seeds: Path) -> None:
    with opened(tmp_path / "c", seeds, preset="random") as campaign:
        witness = Witness(campaign)
        result = campaign.run(mlfuzz.Budget(inputs=INPUTS), triage_here=False)
        assert witness.ran == result.stats.inputs == INPUTS == witness.own.sum()
        assert witness.count == len(witness.failures) == result.stats.failing > 0
        assert {failure.root for failure in witness.failures} == set(np.flatnonzero(np.isfinite(witness.first)))


def test_what_is_found_beyond_the_budget_does_not_count(tmp_path: Path, seeds: Path) -> None:
    seen = []
    for name, most in (("all", np.inf), ("some", INPUTS - 100)):
        with opened(tmp_path / name, seeds, preset="random") as campaign:
            seen.append(Witness(campaign, most=most))
            campaign.run(mlfuzz.Budget(inputs=INPUTS), triage_here=False)
    whole, cut = seen
    within = [failure.at for failure in whole.failures if failure.at <= INPUTS - 100]
    assert 0 < len(within) < whole.count
    assert [failure.at for failure in cut.failures] == within
    assert cut.count == len(within)
    assert cut.ran == whole.ran == INPUTS


def test_the_first_failure_is_where_it_says(tmp_path: Path, seeds: Path) -> None:
    with opened(tmp_path / "c", seeds, preset="random") as campaign:
        witness = Witness(campaign)
        campaign.run(mlfuzz.Budget(inputs=INPUTS), triage_here=False)
    assert witness.first_at == min(failure.at for failure in witness.failures)
    for root in range(len(witness.first)):
        own = [failure.own for failure in witness.failures if failure.root == root]
        assert min(own, default=np.inf) == witness.first[root]
    # Round robin over five roots: the n-th child of a root is among the first 5 n inputs.
    assert all(abs(failure.at - 5 * failure.own) < 5 for failure in witness.failures)


def test_what_was_seen_fails_again_alone(tmp_path: Path, seeds: Path) -> None:
    with opened(tmp_path / "c", seeds) as campaign:
        witness = Witness(campaign)
        campaign.run(mlfuzz.Budget(inputs=INPUTS), triage_here=False)
        assert all(_again(campaign, failure) for failure in witness.failures)


def test_a_campaign_does_the_same_when_it_is_watched(tmp_path: Path, seeds: Path) -> None:
    digests = []
    for name in ("watched", "alone"):
        with opened(tmp_path / name, seeds) as campaign:
            if name == "watched":
                Witness(campaign)
            stats = campaign.run(mlfuzz.Budget(inputs=INPUTS), triage_here=False).stats
            digests.append((stats.entries, stats.failing, stats.confusion))
    assert digests[0] == digests[1]


def test_a_search_is_charged_to_the_roots_it_began_from(tmp_path: Path, seeds: Path) -> None:
    with opened(tmp_path / "c", seeds) as campaign:
        witness = Witness(campaign)
        witness.searched(np.asarray([1, 1, 3]), 31)
    assert witness.ran == 31
    assert witness.own.tolist() == [0, 22, 0, 11, 0]  # a share is rounded up: never fewer than were used
