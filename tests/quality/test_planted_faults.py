"""Campaigns find what is planted, shrink it to what was planted, and find nothing where nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

import mlfuzz
from mlfuzz.budget import Budget
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.supervise import run
from mlfuzz.campaign.worker.result import Result
from mlfuzz.events import Event, WorkerDied
from mlfuzz.request import CampaignRequest
from mlfuzz.testing.puzzles import EXPECTED, puzzle, puzzle_seeds

FOUND = [name for name, one in EXPECTED.items() if one.found and not one.isolated]
ISOLATED = [name for name, one in EXPECTED.items() if one.isolated]


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    folder = tmp_path / "seeds"
    folder.mkdir()
    puzzle_seeds(folder)
    return folder


def campaign(name: str, seeds: Path, folder: Path, inputs: int, **options: object) -> Result:
    target, _ = puzzle(name)
    with mlfuzz.Campaign.open(folder, target, seeds=seeds, batch=128, **options) as opened:
        return opened.run(Budget(inputs=inputs, seconds=60))


@pytest.mark.slow
@pytest.mark.turns(2)
@pytest.mark.parametrize("name", FOUND)
def test_a_planted_fault_is_found_and_shrunk_to_what_was_planted(name: str, seeds: Path, tmp_path: Path) -> None:
    expected = EXPECTED[name]
    result = campaign(name, seeds, tmp_path / "c", expected.within)
    found = [one for one in result.findings if one.verdict == "confirmed" and one.kind == expected.found]
    assert found, [(one.kind, one.verdict) for one in result.findings]
    shrunk = [one for one in found if one.shrunk]
    assert shrunk
    # Two where the limits keep one operator from going all the way (brightness 0.6 -> 0.8 within its own range).
    assert min(len(one.chain) for one in shrunk) <= expected.steps + 1, [one.sentence for one in shrunk]
    if expected.operators:
        planted = [one for one in shrunk if {step.name for step in one.chain} <= expected.operators]
        assert len(planted) >= len(shrunk) / 2, [one.sentence for one in shrunk]


@pytest.mark.slow
def test_nothing_is_found_where_nothing_is_planted(seeds: Path, tmp_path: Path) -> None:
    result = campaign("sound", seeds, tmp_path / "c", 20_000)
    assert not result.findings
    assert result.stats.nearest is not None
    assert result.stats.nearest.margin < 0


@pytest.mark.slow
def test_a_batch_coupled_answer_is_never_confirmed(seeds: Path, tmp_path: Path) -> None:
    result = campaign("batch_coupled", seeds, tmp_path / "c", 4_000)
    assert not [one for one in result.findings if one.verdict == "confirmed"]


@pytest.mark.slow
@pytest.mark.turns(2)
@pytest.mark.parametrize("name", ISOLATED)
def test_a_target_that_takes_its_process_down_is_a_finding_and_fuzzing_goes_on(
    name: str, seeds: Path, tmp_path: Path
) -> None:
    events: list[Event] = []
    spec = WorkerSpec(target=f"mlfuzz.testing.puzzles:{name}", seeds=str(seeds), batch=64, deadline=2.0)
    # The second is found by the worker after the one that died: each batch runs in a child first.
    outcome = run(CampaignRequest(spec, tmp_path / "c", Budget(seconds=60, findings=2)), events.append)
    assert [event for event in events if isinstance(event, WorkerDied)]
    confirmed = [one for one in outcome.findings if one.verdict == "confirmed"]
    assert {one.kind for one in confirmed} == {EXPECTED[name].found}
    assert outcome.stats.inputs > 0
    assert outcome.exit_code == 1


@pytest.mark.slow
def test_the_same_campaign_repeats_exactly(seeds: Path, tmp_path: Path) -> None:
    one, two = (campaign("sound", seeds, tmp_path / name, 4_000, seed=5) for name in ("one", "two"))
    assert one.stats.entries == two.stats.entries
    assert one.stats.operators == two.stats.operators
    assert one.stats.coverage == two.stats.coverage
    other = campaign("sound", seeds, tmp_path / "three", 4_000, seed=6)
    assert other.stats.operators != one.stats.operators
