"""Frame-wise decisions: boundaries may move a little, time operators are known or unjudged."""

from __future__ import annotations

import pytest
import torch

from mlfuzz.batch import Batch
from mlfuzz.errors import ConfigError
from mlfuzz.mutation import Mutation
from mlfuzz.observation import Ragged
from mlfuzz.oracles.frames import Frames
from mlfuzz.testing import examples


def _event(start: int, stop: int, length: int = 40) -> torch.Tensor:
    at = torch.arange(length)
    return ((at >= start) & (at < stop)).float()[None]


def _batch(*operators: str) -> Batch:
    return examples.batch(1, chains=lambda row: tuple(Mutation(name) for name in operators))


def _margin(after: torch.Tensor, before: torch.Tensor, *operators: str, slack: int = 1) -> float:
    seen, reference = examples.observation(after), examples.observation(before)
    return float(Frames(slack=slack).check(seen, reference, _batch(*operators)).margin)


def test_a_boundary_may_move_by_the_slack() -> None:
    assert _margin(_event(11, 21), _event(10, 20), "audio.gain") == pytest.approx(-0.1)
    assert _margin(_event(11, 21), _event(10, 20), "audio.gain", slack=0) == pytest.approx(2 / 40 - 0.1)


def test_frames_that_are_lost_count() -> None:
    assert _margin(_event(0, 0), _event(10, 20), "audio.gain") == pytest.approx((10 - 2) / 40 - 0.1)


def test_rows_whose_time_was_moved_are_unjudged() -> None:
    margin = _margin(_event(0, 0), _event(10, 20), "audio.gain", "audio.shift")
    assert margin != margin


def test_rows_whose_chain_is_not_known_are_unjudged() -> None:
    seen = examples.observation(_event(0, 40))
    assert not Frames().check(seen, examples.observation(_event(0, 0)), examples.batch(1)).judged.any()


def test_an_even_change_of_pace_is_laid_over_the_seed_by_proportion() -> None:
    before = Ragged(_event(10, 20), torch.tensor([40]))
    for after, wrong in ((_event(20, 40, 80), False), (_event(50, 70, 80), True)):
        seen = examples.observation(Ragged(after, torch.tensor([80])))
        verdict = Frames().check(seen, examples.observation(before), _batch("audio.speed"))
        assert verdict.failed.tolist() == [wrong]


def test_a_change_of_pace_in_a_fixed_length_is_unjudged() -> None:
    margin = _margin(_event(0, 0), _event(10, 20), "audio.speed")
    assert margin != margin


def test_losing_an_event_and_inventing_one_are_two_faults() -> None:
    lost, invented = (
        Frames().check(examples.observation(after), examples.observation(before), _batch("audio.gain"))
        for after, before in ((_event(0, 0), _event(10, 20)), (_event(10, 20), _event(0, 0)))
    )
    assert lost.keys.tolist() == [0]
    assert invented.keys.tolist() == [1]


def test_the_explanation_names_the_frames() -> None:
    seen, reference = examples.observation(_event(0, 0)), examples.observation(_event(10, 20))
    told = Frames(slack=0).explain(seen, reference, _batch("audio.gain"), 0)
    assert told["frames"] == list(range(10, 20))
    assert told["observed"] == "10 of 40 frames decided otherwise"


@pytest.mark.parametrize("arguments", [{"bound": 0.0}, {"bound": 1.0}, {"slack": -1}])
def test_values_that_make_no_sense_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Frames(**arguments)  # type: ignore[arg-type]
