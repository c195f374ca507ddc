"""What the plan learns of its operators, and what it never gives up."""

from __future__ import annotations

import numpy as np
import pytest

import mlfuzz.mutators.image  # noqa: F401  # registers what is dealt here
from mlfuzz.batch import Step
from mlfuzz.mutators.base import Mutator, select
from mlfuzz.mutators.limits.limits import DistanceLedger, Limits
from mlfuzz.mutators.schedule.bandit import OperatorBandit
from mlfuzz.mutators.schedule.plan import Plan
from mlfuzz.mutators.schedule.slices import Mutated
from mlfuzz.mutators.schedule.weights import ELEMENT_NS, slices_for_turns, weights

SECONDS = 100e-6


def plan_of(batch: int) -> tuple[list[Mutator], Plan]:
    parts = [part for part in select("image") if part.min_channels == 1]
    shares = weights(parts, elements=784, seconds=SECONDS)
    costs = np.asarray([part.cost for part in parts]) * ELEMENT_NS * 1e-9 * 784 / SECONDS
    dealer = OperatorBandit([part.name for part in parts], shares, costs)
    return parts, Plan(
        parts, shares, DistanceLedger(Limits(), parts), slices=slices_for_turns(batch, len(parts)), dealer=dealer
    )


def run(plan: Plan, batch: int, batches: int, lucky: str) -> tuple[dict[str, int], dict[str, int]]:
    """Rows of each operator, and the longest each waited, where one operator alone finds faults."""
    rows = dict.fromkeys((part.name for part in plan.mutators), 0)
    last, waited = dict.fromkeys(rows, 0), dict.fromkeys(rows, 0)
    for number in range(1, batches + 1):
        rng = np.random.default_rng(number)
        slices = plan.cut(batch, rng)
        events = np.zeros((batch, 3))
        for part, start, stop in slices:
            rows[part.name] += stop - start
            waited[part.name] = max(waited[part.name], number - last[part.name])
            last[part.name] = number
            events[start:stop, 0] = (part.name == lucky) * (rng.random(stop - start) < 0.1)
        steps = tuple(Step(part.name, 1, start, stop, {}) for part, start, stop in slices)
        nothing = np.zeros(batch, np.bool_)
        mutated = Mutated(None, steps, np.zeros((batch, 1)), nothing, nothing, np.zeros(batch, np.float32))  # type: ignore[arg-type]
        plan.learn(mutated, np.arange(batch), events)
    return rows, waited


@pytest.mark.parametrize("batch", [128, 512, 2048])
def test_every_operator_keeps_half_a_per_cent_of_the_rows_and_its_turns(batch: int) -> None:
    parts, plan = plan_of(batch)
    batches = 160_000 // batch
    rows, waited = run(plan, batch, batches, "image.rotate")
    shares = {part.name: rows[part.name] / (batch * batches) for part in parts if part.cost < 64}
    assert min(shares.values()) > 0.0045, min(shares, key=shares.__getitem__)
    assert max(waited.values()) * batch <= 50_000
    assert shares["image.rotate"] > 0.4


def test_the_dearest_get_no_more_than_their_floor_unless_they_find_something() -> None:
    parts, plan = plan_of(512)
    rows, _ = run(plan, 512, 200, "image.brightness")
    dear = sum(rows[part.name] for part in parts if part.cost >= 256)
    assert dear / (512 * 200) < 0.01


def test_a_plan_goes_on_with_what_its_dealer_had_learnt() -> None:
    (_, one), (_, two) = plan_of(256), plan_of(256)
    run(one, 256, 40, "image.rotate")
    two.restore(one.state())
    first, second = np.random.default_rng(9), np.random.default_rng(9)
    assert [one.cut(256, first) for _ in range(4)] == [two.cut(256, second) for _ in range(4)]


def stacking(dealer: OperatorBandit, *, alone: float, stacked: float, batch: int = 200) -> float:
    """Share of the rows that are stacked in the end, where one step and several steps find faults at these rates."""
    rng = np.random.default_rng(0)
    seen = []
    for _ in range(120):
        ways = dealer.ways(batch, rng)
        stretch = (0, ways.stacked)
        events = np.zeros((batch, 3))
        events[:, 0] = rng.random(batch) < np.where(np.arange(batch) < ways.stacked, stacked, alone)
        dealer.learn([Step("one", 1, 0, batch, {})], np.arange(batch), events, again=0, borrowed=0, stacked=stretch)
        seen.append(ways.stacked / batch)
    return float(np.mean(seen[60:]))


def dealer_of(step: float) -> OperatorBandit:
    return OperatorBandit(["one"], np.ones(1), np.zeros(1), step=step)


def test_steps_are_stacked_where_several_find_more_than_one() -> None:
    assert stacking(dealer_of(0.1), alone=0.02, stacked=0.08) > 0.45
    assert stacking(dealer_of(0.1), alone=0.08, stacked=0.02) < 0.2


def test_where_a_step_costs_as_much_as_ten_models_twice_the_faults_are_not_worth_it() -> None:
    assert stacking(dealer_of(0.0), alone=0.05, stacked=0.085) > 0.5
    assert stacking(dealer_of(10.0), alone=0.05, stacked=0.085) < 0.5


def test_a_few_stacked_rows_are_saved_up_for_a_batch_of_their_own() -> None:
    dealer = dealer_of(3.0)
    rng = np.random.default_rng(0)
    counts = [dealer.ways(200, rng).stacked for _ in range(200)]
    assert 0 in counts
    assert min(count for count in counts if count) >= 50
