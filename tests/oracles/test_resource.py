"""Costs of a row against its seed's: robust against single slow runs, and silent about what was not measured."""

from __future__ import annotations

import pytest
import torch

from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation, Ragged
from mlfuzz.oracles.base import Floor
from mlfuzz.oracles.resource import Latency, Length, Memory
from mlfuzz.testing import examples


def costs(meter: str, values: list[list[float]]) -> Observation:
    return Observation(
        {"main": torch.zeros(len(values), 2), f"{meter}.alone": torch.tensor(values)}, torch.zeros(len(values), 0)
    )


def margin(oracle: Latency | Memory | Length, seen: Observation, own: Observation) -> list[float]:
    return oracle.check(seen, own, examples.batch(len(seen.activations))).margin.tolist()


def test_the_margin_is_the_share_beyond_the_ratio() -> None:
    seen, own = costs("cost-seconds", [[0.012] * 5]), costs("cost-seconds", [[0.002] * 5])
    assert margin(Latency(ratio=3.0), seen, own) == pytest.approx([1.0])


def test_one_slow_run_of_several_is_no_slow_input() -> None:
    own = costs("cost-seconds", [[0.002] * 5])
    once = costs("cost-seconds", [[0.002, 0.2, 0.002, 0.0021, 0.002]])
    assert margin(Latency(), once, own)[0] < 0


def test_one_quick_run_of_the_seed_is_no_slow_input_either() -> None:
    seen = costs("cost-seconds", [[0.01] * 5])
    lucky = costs("cost-seconds", [[0.01, 0.001, 0.01, 0.01, 0.01]])
    assert margin(Latency(), seen, lucky)[0] < 0


def test_a_quotient_of_next_to_nothing_is_nothing() -> None:
    seen, own = costs("cost-seconds", [[5e-5]]), costs("cost-seconds", [[1e-5]])
    assert margin(Latency(), seen, own)[0] < 0
    assert margin(Latency(least=1e-6), seen, own)[0] > 0


def test_what_was_not_measured_is_unjudged() -> None:
    seen, own = costs("cost-bytes", [[float("nan")], [9e6]]), costs("cost-bytes", [[1e6], [1e6]])
    verdict = Memory().check(seen, own, examples.batch(2))
    assert verdict.judged.tolist() == [False, True]
    assert verdict.failed.tolist() == [False, True]


def test_timing_needs_more_than_the_ratio_and_counting_does_not() -> None:
    assert Latency().noise(Floor()) > 0
    assert Memory().noise(Floor()) == 0


def test_it_says_how_many_times_in_which_unit() -> None:
    details = Memory().explain(costs("cost-bytes", [[8e6]]), costs("cost-bytes", [[2e6]]), examples.batch(1), 0)
    assert details["expected"] == "at most 2 times its seed's memory"
    assert (details["observed"], details["times"], details["cost_unit"]) == ("more", 4.0, "bytes")


def test_lengths_of_texts_and_sequences_are_compared() -> None:
    before, after = examples.observation(("a" * 20,)), examples.observation(("a" * 60,))
    assert margin(Length(), after, before) == pytest.approx([0.5])
    long, short = (examples.observation(Ragged(torch.zeros(1, 99), torch.tensor([n]))) for n in (99, 9))
    assert margin(Length(), long, short)[0] > 0
    assert margin(Length(), short, long)[0] < 0


def test_an_output_that_counts_steps_can_be_named() -> None:
    def steps(count: float) -> Observation:
        return Observation({"main": torch.zeros(1, 3), "steps": torch.tensor([count])}, torch.zeros(1, 0))

    assert margin(Length(of="steps"), steps(50.0), steps(10.0))[0] > 0
    with pytest.raises(ConfigError, match="of=operations"):
        margin(Length(), steps(50.0), steps(10.0))


@pytest.mark.parametrize("arguments", [{"ratio": 1.0}, {"ratio": float("nan")}, {"least": 0.0}])
def test_limits_that_let_nothing_or_everything_pass_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="above"):
        Latency(**arguments)
