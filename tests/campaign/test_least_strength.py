"""The least strengths are those that break, found in an eighth of the runs of a scan, and the same each time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import mlfuzz
from mlfuzz.campaign.least_strength import LEVELS, RUNGS, LeastStrengths, measure
from mlfuzz.campaign.spec import WorkerSpec, spec_of
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.errors import UsageError
from mlfuzz.targets.load import load


class Gate(nn.Module):
    """Says "bright" above a mean of .5."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        over = 20 * (pictures.mean(dim=(1, 2, 3)) - 0.5)
        return torch.stack([-over, over], 1)


class Window(Gate):
    """... but not above .6: what is too bright passes for dark again."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        mean = pictures.mean(dim=(1, 2, 3))
        over = 20 * (0.05 - (mean - 0.55).abs())
        return torch.stack([-over, over], 1)


@pytest.fixture(scope="module")
def greys(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("greys")
    modality = mlfuzz.Image(size=(8, 8))
    for number in range(6):
        shade = np.full((modality.channels, 8, 8), 60 + 10 * number, np.uint8)
        (folder / f"{number}.png").write_bytes(modality.encode(shade))
    return str(folder)


def spec(seeds: str, **more: object) -> WorkerSpec:
    return spec_of({"target": "", "name": "gate", "seeds": seeds, "mutators": ["image.brightness"], **more})


def gate(model: nn.Module) -> mlfuzz.ModuleTarget:
    return mlfuzz.ModuleTarget("gate", mlfuzz.Image(size=(8, 8)), model, labels=["dark", "bright"])


def opened(tmp_path, target, spec: WorkerSpec) -> Campaign:
    return Campaign.open(tmp_path / "c", target, spec=spec)


def test_what_is_found_breaks_and_one_level_less_does_not(tmp_path, greys) -> None:
    with opened(tmp_path, gate(Gate().eval()), spec(greys)) as campaign:
        search = LeastStrengths(campaign.loop.parts, campaign.loop.seeds, campaign.pool)
        least = search.least().ravel()
        spent = search.evaluations
        assert 0 < spent <= 8 * least.size
        broken = np.flatnonzero(least > 0)
        assert len(broken)
        assert len(broken) < least.size, "towards dark nothing breaks"
        assert search.run(broken, least[broken])[0].all()
        assert not search.run(broken, least[broken] - 1)[0].any()
        whole = np.arange(least.size)
        scan = [search.run(whole, np.full(least.size, level))[0] for level in range(1, LEVELS + 1)]
        first = np.where(np.any(scan, 0), np.argmax(scan, 0) + 1, 0)
        assert (least == first).all()


def test_what_breaks_in_the_middle_and_holds_at_full_is_found(tmp_path, greys) -> None:
    with opened(tmp_path, gate(Window().eval()), spec(greys)) as campaign:
        search = LeastStrengths(campaign.loop.parts, campaign.loop.seeds, campaign.pool)
        least = search.least().ravel()
        full, _ = search.run(np.arange(least.size), np.full(least.size, LEVELS))
        assert ((least > 0) & ~full).any()


@pytest.mark.slow
def test_the_same_seed_has_the_same_least_strength_among_others(greys) -> None:
    target = gate(Gate().eval())
    whole, again = measure(target, spec(greys)), measure(target, spec(greys))
    assert whole == again
    few = measure(target, spec(greys, max_seeds=3))
    among = dict(zip([seed.digest for seed in whole.seeds], whole.operators[0].least, strict=True))
    assert few.operators[0].least == [among[seed.digest] for seed in few.seeds]
    assert measure(target, spec(greys, seed=9)).operators[0].least != whole.operators[0].least


def test_operators_without_a_scale_are_tried_once_and_what_nobody_judges_is_said(greys) -> None:
    found = measure(gate(Gate().eval()), spec(greys, mutators=["image.blank", "image.brightness"]))
    blank = next(one for one in found.operators if one.name == "image.blank")
    assert (blank.scaled, blank.least, blank.unjudged) == (False, [None] * 6, list(range(6)))
    assert [one.name for one in found.scaled] == ["image.brightness"]
    assert found.evaluations <= 6 + 6 * 8


@pytest.mark.slow
def test_what_raises_is_broken(greys) -> None:
    class Raising(Gate):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            if bool((pictures.mean(dim=(1, 2, 3)) > 0.5).any()):
                raise ValueError("too bright")
            return super().forward(pictures)

    broken, raising = (measure(gate(model.eval()), spec(greys)).operators[0].least for model in (Gate(), Raising()))
    assert broken == raising


@pytest.mark.slow
def test_limits_say_what_full_strength_is(greys) -> None:
    narrow = measure(gate(Gate().eval()), spec(greys, limits={"per_kind": 0.5})).operators[0]
    wide = measure(gate(Gate().eval()), spec(greys)).operators[0]
    assert (narrow.reach, wide.reach) == (0.5, 1.0)
    pairs = [(one, other) for one, other in zip(narrow.least, wide.least, strict=True) if one is not None]
    assert pairs
    assert all(other is not None and abs(one - 2 * other) <= 2 / LEVELS for one, other in pairs)


def test_costs_alone_have_no_least_strength(greys) -> None:
    with pytest.raises(UsageError, match="--oracles default"):
        measure(gate(Gate().eval()), spec(greys, oracles=["latency"]))


def test_halvings_end_within_the_budget_of_an_eighth() -> None:
    assert len(RUNGS) + int(np.log2(min(RUNGS))) <= LEVELS / 8


@pytest.mark.slow
def test_an_eighth_of_a_scan_comes_within_a_twentieth_on_the_fragile_digits(tmp_path) -> None:
    target = load("mlfuzz.examples.digits:fragile", directory=tmp_path, device="cpu")
    with opened(tmp_path, target, spec(str(target.seeds), mutators=[], batch=256)) as campaign:
        search = LeastStrengths(campaign.loop.parts, campaign.loop.seeds, campaign.pool)
        search.drawn = [one for one in search.drawn if one.scaled][::3]
        least = search.least()
        spent, search.evaluations = search.evaluations, 0
        pairs, scan = np.arange(least.size), np.zeros(least.size, np.int64)
        for level in range(LEVELS, 0, -1):
            failing, _ = search.run(pairs, np.full(len(pairs), level))
            scan[failing] = level
        assert spent <= search.evaluations / 8
        one, other = (np.where(each <= 0, LEVELS, each) / LEVELS for each in (least, scan.reshape(least.shape)))
        assert (one >= other).all(), "a scan finds the least of all"
        assert (one - other).mean() <= 0.05 * other.mean()
        assert ((one - other) <= 0.05).mean() >= 0.95
