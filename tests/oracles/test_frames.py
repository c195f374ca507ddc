"""Frame-wise decisions: boundaries may move a little, and time is followed through the operators."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mlfuzz.batch import Batch, TensorRows
from mlfuzz.errors import ConfigError
from mlfuzz.modality.audio import Audio
from mlfuzz.mutation import Mutation
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.observation import Ragged
from mlfuzz.oracles.frames import Frames
from mlfuzz.testing import examples
from mlfuzz.timemap import TIME_MAPS

MUTATORS.get("audio.speed")  # the maps come with the operators


def _event(start: int, stop: int, length: int = 40) -> torch.Tensor:
    at = torch.arange(length)
    return ((at >= start) & (at < stop)).float()[None]


def _batch(*chain: str | Mutation, seconds: float = 0.4, varying: bool = False) -> Batch:
    """One row with frames of 10 ms."""
    steps = tuple(Mutation(step) if isinstance(step, str) else step for step in chain)
    data = torch.zeros(1, 1, round(seconds * 16_000))
    lengths = torch.tensor([data.shape[-1]]) if varying else None
    rows = TensorRows(data, Audio(seconds=None if varying else seconds), lengths)
    return replace(examples.batch(1, chains=lambda row: steps), rows=rows)


def _margin(after: torch.Tensor, before: torch.Tensor, *chain: str | Mutation, slack: int = 1) -> float:
    seen, reference = examples.observation(after), examples.observation(before)
    return float(Frames(slack=slack).check(seen, reference, _batch(*chain)).margin)


def test_a_boundary_may_move_by_the_slack() -> None:
    assert _margin(_event(11, 21), _event(10, 20), "audio.gain") == pytest.approx(-0.1)
    assert _margin(_event(11, 21), _event(10, 20), "audio.gain", slack=0) == pytest.approx(2 / 40 - 0.1)


def test_frames_that_are_lost_count() -> None:
    assert _margin(_event(0, 0), _event(10, 20), "audio.gain") == pytest.approx((10 - 2) / 40 - 0.1)


def test_frames_are_held_against_the_frames_they_come_from() -> None:
    later = Mutation("audio.shift", {"milliseconds": 100.0})
    assert _margin(_event(20, 30), _event(10, 20), later) == pytest.approx(-0.1)
    assert _margin(_event(10, 20), _event(10, 20), later, slack=0) == pytest.approx(20 / 30 - 0.1)
    half = Mutation("audio.speed", {"factor": 0.5})
    assert _margin(_event(20, 40), _event(10, 20), half) == pytest.approx(-0.1)
    assert _margin(_event(10, 20), _event(10, 20), half) > 0


def test_an_inserted_pause_does_not_count() -> None:
    pause = Mutation("audio.silence_insert", {"at": 0.5, "milliseconds": 100.0})
    for answer in (_event(20, 30), _event(0, 0)):
        assert _margin(answer, _event(0, 0), pause) == pytest.approx(-0.1)


def test_rows_that_come_mostly_from_nowhere_are_unjudged() -> None:
    margin = _margin(_event(0, 40), _event(0, 0), Mutation("audio.shift", {"milliseconds": 250.0}))
    assert margin != margin


def test_rows_whose_time_was_bent_in_an_unknown_way_are_unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TIME_MAPS, "audio.scramble", None)
    margin = _margin(_event(0, 0), _event(10, 20), "audio.gain", "audio.scramble")
    assert margin != margin


def test_rows_whose_chain_is_not_known_are_unjudged() -> None:
    seen = examples.observation(_event(0, 40))
    assert not Frames().check(seen, examples.observation(_event(0, 0)), examples.batch(1)).judged.any()


def test_an_even_change_of_pace_is_laid_over_the_seed_by_proportion() -> None:
    before = Ragged(_event(10, 20), torch.tensor([40]))
    for after, wrong in ((_event(20, 40, 80), False), (_event(50, 70, 80), True)):
        seen = examples.observation(Ragged(after, torch.tensor([80])))
        slow = _batch(Mutation("audio.speed", {"factor": 0.5}), seconds=0.8, varying=True)
        verdict = Frames().check(seen, examples.observation(before), slow)
        assert verdict.failed.tolist() == [wrong]


def test_losing_an_event_and_inventing_one_are_two_faults() -> None:
    lost, invented = (
        Frames().check(examples.observation(after), examples.observation(before), _batch("audio.gain"))
        for after, before in ((_event(0, 0), _event(10, 20)), (_event(10, 20), _event(0, 0)))
    )
    assert lost.keys.tolist() == [0]
    assert invented.keys.tolist() == [1]


def test_the_explanation_names_the_frames() -> None:
    seen, reference = examples.observation(_event(0, 0)), examples.observation(_event(10, 20))
    details = Frames(slack=0).explain(seen, reference, _batch("audio.gain"), 0)
    assert details["frames"] == list(range(10, 20))
    assert details["observed"] == "10 of 40 frames decided otherwise: 1 event lost"


@pytest.mark.parametrize("arguments", [{"bound": 0.0}, {"bound": 1.0}, {"slack": -1}])
def test_values_that_make_no_sense_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Frames(**arguments)  # type: ignore[arg-type]
