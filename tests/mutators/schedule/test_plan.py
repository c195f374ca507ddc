from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import mlfuzz.mutators.image  # noqa: F401  # registers what is planned here
from mlfuzz.batch import Batch, TensorRows, TextRows
from mlfuzz.errors import ConfigError
from mlfuzz.modality.image import Image
from mlfuzz.mutators.base import MUTATORS, Mutator, replay
from mlfuzz.mutators.limits.distance import bound
from mlfuzz.mutators.limits.limits import DistanceLedger, Limits
from mlfuzz.mutators.param import Choice, Real
from mlfuzz.mutators.schedule.plan import Plan
from mlfuzz.mutators.schedule.slices import Mutated
from mlfuzz.mutators.schedule.weights import ELEMENT_NS, SHARE, weights
from mlfuzz.testing.rows import example_rows

COSTS = (1, 1, 1, 2, 2, 2, 2, 4, 4, 8, 16, 32, 64, 256, 512) * 4


def parts(costs: tuple[int, ...] = COSTS) -> list[Mutator]:
    space = {"amount": Real(0.0, 1.0, neutral=0.0)}
    return [
        Mutator(f"image.fake{at}", space, lambda rows, amount: rows, "noise", cost) for at, cost in enumerate(costs)
    ]


def plan_of(mutators: list[Mutator], shares: np.ndarray | None = None, **options: object) -> Plan:
    given = np.ones(len(mutators)) if shares is None else shares
    return Plan(mutators, given, DistanceLedger(Limits(), mutators), **options)  # type: ignore[arg-type]


def rng_of(batch: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=7, counter=[0, 0, 0, batch]))


@pytest.mark.parametrize("batch", [1, 3, 8, 64, 2048])
def test_slices_cover_the_batch_in_order_with_no_mutator_twice(batch: int) -> None:
    plan = plan_of(parts())
    for number in range(30):
        slices = plan.cut(batch, rng_of(number))
        edges = [0, *(stop for _, _, stop in slices)]
        assert edges == [*(start for _, start, _ in slices), batch]
        assert len({part.name for part, _, _ in slices}) == len(slices) <= max(1, min(8, batch // 4))


@pytest.mark.parametrize("batch", [64, 512, 2048])
def test_each_mutator_gets_its_share_of_the_rows(batch: int) -> None:
    mutators = parts()
    shares = weights(mutators, elements=784, seconds=4e-6)
    plan = plan_of(mutators, shares)
    rows = dict.fromkeys((part.name for part in mutators), 0)
    batches = 600
    for number in range(batches):
        for part, start, stop in plan.cut(batch, rng_of(number)):
            rows[part.name] += stop - start
    seen = np.asarray(list(rows.values())) / (batches * batch)
    np.testing.assert_allclose(seen, shares, rtol=0.08, atol=2e-4)


@pytest.mark.parametrize("key", range(4))
@pytest.mark.parametrize("seconds", [3.6e-6, 1e-3])
def test_every_mutator_is_used_within_50_000_inputs(key: int, seconds: float) -> None:
    mutators = parts()
    plan = plan_of(mutators, weights(mutators, elements=784, seconds=seconds))
    last = dict.fromkeys((part.name for part in mutators), 0)
    for number in range(1, 150):
        rng = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, number]))
        for part, _, _ in plan.cut(2048, rng):
            last[part.name] = number
        assert (number - min(last.values())) * 2048 <= 50_000


def test_a_plan_goes_on_where_its_state_was_taken() -> None:
    mutators = parts()
    one, two = plan_of(mutators), plan_of(mutators)
    for number in range(11):
        one.cut(100, rng_of(number))
    two.restore(one.state())
    for number in range(11, 20):
        assert one.cut(100, rng_of(number)) == two.cut(100, rng_of(number))


def test_weights_are_even_before_a_slow_model() -> None:
    mutators = parts()
    np.testing.assert_allclose(weights(mutators, elements=3072, seconds=20e-3), 1 / len(mutators))


def test_weights_keep_mutation_within_its_share_where_that_can_be() -> None:
    mutators = parts((1, 2, 4, 8, 16, 32))
    costs = np.asarray([part.cost for part in mutators]) * ELEMENT_NS * 1e-9 * 3072
    for seconds in (100e-6, 150e-6, 300e-6):
        shares = weights(mutators, elements=3072, seconds=seconds)
        assert float(shares @ costs) <= SHARE * seconds * 1.01
        assert (np.diff(shares) <= 0).all()
    looser, tighter = (weights(mutators, elements=3072, seconds=seconds) for seconds in (300e-6, 150e-6))
    assert tighter[-1] < looser[-1]


def test_no_mutator_falls_below_half_a_per_cent_but_what_works_row_by_row() -> None:
    mutators = parts()
    shares = weights(mutators, elements=784, seconds=3.6e-6)
    dear = np.asarray([part.cost >= 64 for part in mutators])
    assert shares.sum() == pytest.approx(1)
    assert shares[~dear].min() >= 0.005 * (1 - 1e-9)
    assert 0.0001 < shares[dear].min() < 0.005


def test_weights_of_more_mutators_than_floors_fit_are_even() -> None:
    mutators = parts((1,) * 300)
    np.testing.assert_allclose(weights(mutators, elements=784, seconds=1e-6), 1 / 300)


def test_a_plan_without_a_weight_for_each_mutator_is_refused() -> None:
    with pytest.raises(ConfigError, match="weight"):
        plan_of(parts(), np.ones(2))
    with pytest.raises(ConfigError, match="weight"):
        plan_of(parts((1, 1)), np.asarray([1.0, math.nan]))


def pictures(n: int, grid: str = "uint8") -> TensorRows:
    rows = example_rows(Image(size=(20, 24), channels=3, grid="uint8" if grid == "uint8" else "float32"), n)
    assert isinstance(rows, TensorRows)
    return rows


def mutate(plan: Plan, rows: TensorRows, number: int = 0, roots: TensorRows | None = None) -> Mutated:
    loads = np.zeros((len(rows), plan.ledger.width), np.float32)
    invariant = np.ones(len(rows), np.bool_)
    return plan.mutate(rows, loads, invariant, rng_of(number), roots=None if roots is None else lambda: roots)


def real(*names: str) -> list[Mutator]:
    return [MUTATORS.get(f"image.{name}") for name in names]


OPERATORS = ("gauss_noise", "fog", "occlusion", "rain", "jpeg", "shadow", "spatter", "patch", "pixel_change", "frost")


@pytest.mark.parametrize("depth", [1, 2])
def test_the_recorded_steps_give_the_same_bits_again(depth: int) -> None:
    rows = pictures(64)
    plan = plan_of(real(*OPERATORS), depth=depth)
    for number in range(3):
        seen = mutate(plan, rows, number)
        zeros = np.zeros(64, np.int64)
        batch = Batch(seen.rows, zeros, zeros, seen.loads, seen.invariant, seen.steps)
        chains = [batch.mutations(row) for row in range(64)]
        assert {len(chain) for chain in chains} == {depth}
        again = replay(rows, chains)
        assert isinstance(again, TensorRows)
        assert isinstance(seen.rows, TensorRows)
        torch.testing.assert_close(again.data, seen.rows.data, atol=0, rtol=0)


@pytest.mark.parametrize("stacked", [3, 16, 40, 64])
def test_stacked_rows_take_several_steps_and_replay(stacked: int) -> None:
    rows, plan = pictures(64), plan_of(real(*OPERATORS))
    loads, invariant = np.zeros((64, plan.ledger.width), np.float32), np.ones(64, np.bool_)
    for number in range(4):
        seen = plan.mutate(rows, loads, invariant, rng_of(number), stacked=stacked)
        zeros = np.zeros(64, np.int64)
        batch = Batch(seen.rows, zeros, zeros, seen.loads, seen.invariant, seen.steps)
        chains = [batch.mutations(row) for row in range(64)]
        start, stop = seen.stacked
        assert stop - start == (0 if stacked < 4 else stacked)
        lengths = np.asarray([len(chain) for chain in chains])
        assert (np.delete(lengths, np.arange(start, stop)) == 1).all()
        assert set(lengths[start:stop].tolist()) <= {2, 3, 4}
        assert (seen.loads[:, plan.ledger.columns.index("steps")] <= lengths).all(), (
            "those made as mild as can be count 0"
        )
        again = replay(rows, chains)
        torch.testing.assert_close(again.data, seen.rows.data, atol=0, rtol=0)  # type: ignore[attr-defined]


def test_the_same_generator_gives_the_same_batch() -> None:
    rows = pictures(32)
    one, two = (mutate(plan_of(real(*OPERATORS)), rows) for _ in range(2))
    torch.testing.assert_close(one.rows.data, two.rows.data, atol=0, rtol=0)  # type: ignore[attr-defined]
    other = mutate(plan_of(real(*OPERATORS)), rows, 1)
    assert not torch.equal(one.rows.data, other.rows.data)  # type: ignore[attr-defined]


@pytest.mark.parametrize("elements", [1, 3000, 20_000])
def test_slices_worked_in_parts_give_the_same_bits(elements: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mutate(plan_of(real(*OPERATORS), depth=2), pictures(64))
    for name in ("CHUNK_ELEMENTS", "LARGEST_CHUNK"):
        monkeypatch.setattr(f"mlfuzz.mutators.schedule.slices.{name}", elements)
    parts = mutate(plan_of(real(*OPERATORS), depth=2), pictures(64))
    torch.testing.assert_close(parts.rows.data, whole.rows.data, atol=0, rtol=0)  # type: ignore[attr-defined]
    assert [step.start for step in parts.steps] == [step.start for step in whole.steps]


def test_parents_and_their_loads_are_left_alone() -> None:
    rows = pictures(32)
    before = rows.data.clone()
    plan = plan_of(real(*OPERATORS))
    loads = np.zeros((32, plan.ledger.width), np.float32)
    invariant = np.ones(32, np.bool_)
    plan.mutate(rows, loads, invariant, rng_of(0))
    assert torch.equal(rows.data, before)
    assert not loads.any()
    assert invariant.all()


def test_loads_and_severities_go_with_the_steps() -> None:
    plan = plan_of(real(*OPERATORS))
    seen = mutate(plan, pictures(64))
    total = plan.ledger.columns.index("total")
    np.testing.assert_allclose(seen.loads[:, total], seen.severity)
    assert float(seen.severity.min()) >= 0
    assert 0.2 < float(seen.severity.mean()) < 0.8


def test_a_row_whose_label_may_have_changed_says_so_along_its_chain() -> None:
    lost = Mutator("image.lost", {"way": Choice(("x", "y"))}, lambda rows, way: rows, "flip", effect="destroying")
    kept = Mutator("image.kept", {"amount": Real(0.0, 1.0, neutral=0.0)}, lambda rows, amount: rows, "noise")
    plan = plan_of([lost, kept])
    rows = pictures(32)
    invariant = np.ones(32, np.bool_)
    invariant[::5] = False
    seen = plan.mutate(rows, np.zeros((32, plan.ledger.width), np.float32), invariant, rng_of(0))
    for step in seen.steps:
        expected = invariant[step.start : step.stop] & (step.name == "image.kept")
        np.testing.assert_array_equal(seen.invariant[step.start : step.stop], expected)


def test_rows_are_clipped_to_their_seeds_and_replay_so() -> None:
    roots = pictures(48)
    mutators = real("gauss_noise", "fog", "occlusion")
    limits = Limits(linf=16 / 255)
    plan = Plan(mutators, np.ones(3), DistanceLedger(limits, mutators), depth=2)
    seen = mutate(plan, roots, roots=roots)
    assert seen.clipped
    assert not seen.dropped.any()
    assert isinstance(seen.rows, TensorRows)
    assert float((seen.rows.data - roots.data).abs().max()) <= 16 / 255 + 1e-6
    zeros = np.zeros(48, np.int64)
    batch = Batch(seen.rows, zeros, zeros, seen.loads, seen.invariant, seen.steps)
    again = replay(roots, [batch.mutations(row) for row in range(48)], bound=bound(limits, "image"))
    torch.testing.assert_close(again.data, seen.rows.data, atol=0, rtol=0)  # type: ignore[attr-defined]


def test_rows_beyond_a_distance_are_dropped() -> None:
    roots = pictures(96)
    mutators = real("occlusion")
    plan = Plan(mutators, np.ones(1), DistanceLedger(Limits(l0=0.02), mutators))
    seen = mutate(plan, roots, roots=roots)
    size = np.asarray(seen.steps[0].columns["size"])
    assert (size < 0.04).any()
    assert seen.dropped[size > 0.2].all()
    assert not seen.dropped[size < 0.04].any()


def test_a_distance_without_seeds_is_refused() -> None:
    mutators = real("occlusion")
    plan = Plan(mutators, np.ones(1), DistanceLedger(Limits(linf=0.1), mutators))
    with pytest.raises(ConfigError, match="roots"):
        mutate(plan, pictures(4))


def test_operators_that_change_the_shape_are_joined_after_all() -> None:
    wide = Mutator(
        "image.wide",
        {"amount": Real(0.0, 1.0, neutral=0.0)},
        lambda rows, amount: rows.with_data(rows.data.repeat(1, 1, 1, 2)),
        "geometry",
    )
    seen = mutate(plan_of([wide]), pictures(8))
    assert seen.rows.data.shape == (8, 3, 20, 48)  # type: ignore[attr-defined]


def test_text_is_mutated_by_what_was_proposed_for_each_row() -> None:
    def propose(rows: TextRows, columns: object, seeds: np.ndarray) -> dict[str, list[str]]:
        return {"letter": [chr(97 + int(seed) % 26) for seed in seeds]}

    def put(rows: TextRows, *, letter: list[str]) -> TextRows:
        return TextRows(tuple(text + new for text, new in zip(rows.texts, letter, strict=True)), rows.modality)

    class Words:
        name, high, ragged = "text", 40.0, False

    part = Mutator("text.put", {}, put, "typo", sites=("letter",), propose=propose)  # type: ignore[arg-type]
    plan = plan_of([part])
    rows = TextRows(("one", "two", "three", "four"), Words())  # type: ignore[arg-type]
    seen = plan.mutate(rows, np.zeros((4, plan.ledger.width), np.float32), np.ones(4, np.bool_), rng_of(0))
    assert isinstance(seen.rows, TextRows)
    recorded = seen.steps[0].columns["letter"]
    assert list(seen.rows.texts) == [text + new for text, new in zip(rows.texts, recorded, strict=True)]
