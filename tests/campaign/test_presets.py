"""Every preset runs end to end, keeps the rule that sets it apart, and repeats exactly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlfuzz.budget import Budget
from mlfuzz.campaign.presets import PRESETS, guidance_hash, settings, with_preset
from mlfuzz.campaign.spec import spec_of
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.errors import UnknownNameError
from mlfuzz.examples import digits
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.targets.calibrate import Speed

BASELINES = ("random", "walk", "accept", "greedy")
PUBLISHED = ("tensorfuzz", "deeptest", "deephunter")


@pytest.fixture(autouse=True)
def speed_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring takes longer than the campaign, is tested elsewhere, and on a busy machine says another size each time:
    the mutants that coverage is measured on are run in batches of it."""
    given = Speed(256, 1e-4, {256: 1e4})
    monkeypatch.setattr("mlfuzz.campaign.setup.calibration.speed", lambda *_, **__: given)


@contextmanager
def campaign(folder: Path, preset: str, **options: Any) -> Iterator[Campaign]:
    given = {"batch": 64, "max_seeds": 30, **options}
    with Campaign.open(folder, digits.fragile(), preset=preset, **given) as opened:
        yield opened


def chains(opened: Campaign) -> list[tuple[str, ...]]:
    """Operators that led to each entry."""
    return [tuple(step.name for step in opened.corpus.chain(row)) for row in range(len(opened.corpus))]


def kinds(chain: tuple[str, ...]) -> list[str]:
    return [MUTATORS.get(name).kind for name in chain]


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS.names())
def test_a_preset_runs_and_repeats_exactly(preset: str, tmp_path: Path) -> None:
    seen = []
    for name in ("one", "two"):
        with campaign(tmp_path / name, preset, max_seeds=10) as opened:
            stats = opened.run(Budget(inputs=256), triage_here=False).stats
            seen.append((stats.inputs, stats.failing, chains(opened), stats.operators))
            assert stats.setup["preset"] == preset
            assert stats.setup["guidance"] == guidance_hash(opened.spec)
    assert seen[0] == seen[1]
    assert seen[0][0] >= 256


def test_random_mutants_have_one_step_and_nothing_is_kept(tmp_path: Path) -> None:
    with campaign(tmp_path / "c", "random") as opened:
        for _ in range(5):
            executed = opened.loop.launch()
            assert all(len(executed.batch.chains(row)) == 1 for row in range(64))  # type: ignore[misc]
            opened.loop.finish(executed)
        assert len(opened.corpus) == 30


@pytest.mark.slow
def test_a_walk_goes_on_from_its_last_step_and_ends_after_four(tmp_path: Path) -> None:
    with campaign(tmp_path / "c", "walk") as opened:
        opened.run(Budget(inputs=1_500), triage_here=False)
        lengths = [len(chain) for chain in chains(opened)]
    assert max(lengths) == 4
    assert np.bincount(lengths)[1:].min() > 20


def test_accept_keeps_whatever_was_judged_and_did_not_fail(tmp_path: Path) -> None:
    with campaign(tmp_path / "c", "accept") as opened:
        stats = opened.run(Budget(inputs=320), triage_here=False).stats
        assert len(opened.corpus) - 30 == stats.inputs - stats.failing - stats.unjudged


def test_greedy_keeps_only_what_came_nearer(tmp_path: Path) -> None:
    with campaign(tmp_path / "c", "greedy") as opened:
        opened.run(Budget(inputs=640), triage_here=False)
        corpus = opened.corpus
        children = np.flatnonzero(corpus.parents >= 0)
        nearer = corpus.margins[children] > corpus.margins[corpus.parents[children]]
    assert len(children) > 10
    assert nearer.any(axis=1).mean() > 0.9


def test_tensorfuzz_adds_white_noise_of_one_strength_alone(tmp_path: Path) -> None:
    with campaign(tmp_path / "c", "tensorfuzz") as opened:
        executed = opened.loop.launch()
    assert [step.name for step in executed.mutated.steps] == ["image.gauss_noise"]
    np.testing.assert_allclose(executed.mutated.steps[0].columns["sigma"], 0.1, rtol=1e-6)


def test_deephunter_moves_a_lineage_once(tmp_path: Path) -> None:
    with campaign(tmp_path / "c", "deephunter", coverage={"name": "novelty", "radius": 0.01}) as opened:
        opened.run(Budget(inputs=2_000), triage_here=False)
        found = chains(opened)
    moves = [kinds(chain).count("geometry") for chain in found]
    assert max(moves) == 1
    assert sum(len(chain) > 1 and move == 1 for chain, move in zip(found, moves, strict=True)) > 20


def test_deephunter_makes_twenty_mutants_of_each_entry_it_takes(tmp_path: Path) -> None:
    with campaign(tmp_path / "c", "deephunter", batch=100) as opened:
        counts = np.unique(opened.loop.launch().picked, return_counts=True)[1]
    assert counts.tolist() == [20] * 5


def test_deephunter_drops_noise_beyond_its_bound(tmp_path: Path) -> None:
    with campaign(tmp_path / "c", "deephunter", limits={"alpha_beta": [0.001, 0.01]}) as opened:
        stats = opened.run(Budget(inputs=640), triage_here=False).stats
    assert stats.dropped > 100


def test_deeptest_works_on_the_top_of_the_stack_with_two_operators(tmp_path: Path) -> None:
    with campaign(tmp_path / "c", "deeptest", batch=20) as opened:
        executed = opened.loop.launch()
        batch = executed.batch
        assert sorted(set(executed.picked.tolist())) == [28, 29]
        names = [[step.name for step in batch.mutations(row)] for row in range(20)]
    assert all(len(pair) == 2 and pair[0] != pair[1] for pair in names)


def test_deeptest_tries_first_what_was_lucky_with_this_input(tmp_path: Path) -> None:
    with campaign(tmp_path / "c", "deeptest", batch=10) as opened:
        plan = opened.loop.parts.plan
        executed = opened.loop.launch()
        events = np.zeros((10, 3))
        events[4, 2] = 1.0
        plan.learn(executed.mutated, np.arange(10), events)
        lucky = [step.name for step in executed.batch.mutations(4)]
        dealt = plan.deal(
            np.full(10, executed.picked[4]), np.zeros((10, plan.ledger.width), np.float32), np.random.default_rng(0)
        )
        assert dealt is not None
        firsts = [part.mutator.name for part in dealt[1][0] for _ in range(part.start, part.stop)]
    assert {firsts[int(np.flatnonzero(dealt[0] == at)[0])] for at in (0, 1)} == set(lucky)


@pytest.mark.parametrize("preset", [*BASELINES, *PUBLISHED])
def test_baselines_and_published_systems_search_nothing(preset: str) -> None:
    assert with_preset({"preset": preset})["search"] == {"name": "off"}


@pytest.mark.parametrize("name", PRESETS.names())
def test_a_preset_says_what_it_does_and_where_it_comes_from(name: str) -> None:
    assert PRESETS.get(name).summary
    assert PRESETS.get(name).source


def test_what_is_given_goes_before_what_the_preset_says() -> None:
    spec = spec_of({"target": "t", "preset": "deephunter", "coverage": "nbc", "limits": {"steps": 3}})
    assert spec.coverage == {"name": "nbc"}
    assert spec.scheduler["name"] == "probability"
    assert (spec.limits["steps"], spec.limits["uses"]) == (3, {"geometry": 1})


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="deephunter"):
        settings("deephuntr")
    with pytest.raises(UnknownNameError, match="greedy"):
        spec_of({"target": "t", "preset": "gredy"})


def test_a_wrong_way_of_dealing_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="bandit"), campaign(tmp_path / "c", "mixed", deal="bandits"):
        pass


def test_the_hash_is_of_the_guidance_and_of_nothing_else() -> None:
    one = spec_of({"target": "a", "seed": 1, "limits": {"steps": 2}, "mutators": ["image.rotate"]})
    assert guidance_hash(one) == guidance_hash(spec_of({"target": "b"}))
    assert guidance_hash(one) != guidance_hash(spec_of({"target": "a", "scheduler": "margin"}))
    assert len({guidance_hash(spec_of({"target": "a", "preset": name})) for name in PRESETS.names()}) == len(
        PRESETS.names()
    )
