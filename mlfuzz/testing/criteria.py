"""What every coverage criterion owes the loop: laws as functions, and `CriterionLaws` to inherit from.

class TestMine(CriterionLaws):
    def criterion(self):
        return Mine(layers=LAYERS)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from mlfuzz.coverage.base import FIT, Criterion, Features, State
from mlfuzz.observation import Observation
from mlfuzz.testing.stream import LAYERS as LAYERS  # what a criterion to be judged is made for
from mlfuzz.testing.stream import features_of, fitted, parents_of, stream

Make: TypeAlias = Callable[[], Criterion]


def a_batch_gains_what_its_rows_gain_one_by_one(make: Make) -> None:
    """Bit for bit, over batches of many sizes, with a tuning after each."""
    rows = stream()
    whole, features = fitted(make, rows)
    single, _ = fitted(make, rows)
    parents = parents_of(features, rows)
    for part in _batches(len(features)):
        together = whole.observe(features[part], parents[part])
        apart = [single.observe(features[at : at + 1], parents[at : at + 1]) for at in range(part.start, part.stop)]
        assert np.array_equal(together, np.concatenate(apart)), f"rows {part.start} to {part.stop} gain otherwise alone"
        whole.tune()
        single.tune()
        assert dict(whole.covered()) == dict(single.covered())
    _require_same_state(whole.state(), single.state())


def something_gains(make: Make) -> None:
    """A criterion to which nothing is ever new would keep every other law."""
    rows = stream()
    criterion, features = fitted(make, rows)
    assert criterion.observe(features, None).max() > 0


def a_second_time_gains_nothing(make: Make) -> None:
    """With its parent or without: parents are entries, which gained or were loaded."""
    rows = stream()
    criterion, features = fitted(make, rows)
    parents, entries = parents_of(features, rows), np.zeros(len(features), np.bool_)
    for part in _batches(len(features)):
        needed = np.unique(rows.parents[part][rows.parents[part] >= 0])
        criterion.load(features[needed[~entries[needed]]])
        entries[needed] = True
        entries[part] |= criterion.observe(features[part], parents[part]) > 0
        assert not criterion.observe(features[part], parents[part]).any()
        assert not criterion.observe(features[part], None).any()
    assert not criterion.observe(features, None).any()


def gains_are_finite_and_not_negative(make: Make) -> None:
    """Float32, one a row; of ordinary rows, of huge ones, and of none at all."""
    rows = stream()
    criterion, features = fitted(make, rows)
    huge = features.copy()
    huge[::3] *= np.float32(1e12)
    huge[1::3] = np.clip(huge[1::3].astype(np.float64) * 1e30, -3e38, 3e38).astype(np.float32)
    for batch in (features, features[:0], np.abs(features), *_within(make, huge)):
        gains = criterion.observe(batch, None)
        assert gains.dtype == np.float32
        assert gains.shape == (len(batch),)
        assert np.isfinite(gains).all()
        assert (gains >= 0).all()
    assert all(np.isfinite(value) for value in criterion.covered().values())


def rows_that_are_not_finite_change_nothing(make: Make) -> None:
    rows = stream()
    criterion, features = fitted(make, rows)
    other, _ = fitted(make, rows)
    spoiled = features.copy()
    bad = np.arange(len(features)) % 5 == 2
    for at, value in zip(np.flatnonzero(bad), np.resize([np.nan, np.inf, -np.inf], bad.sum()), strict=True):
        spoiled[at, at % features.shape[1]] = value
    gains = criterion.observe(spoiled, None)
    assert not gains[bad].any()
    assert np.array_equal(gains[~bad], other.observe(features[~bad], None))
    criterion.load(spoiled[bad])
    criterion.tune()
    other.tune()
    _require_same_state(criterion.state(), other.state())


def what_is_not_finite_stays_so_in_the_features(make: Make) -> None:
    """A NaN or an infinity anywhere in what a row gave must not look like an ordinary value."""
    rows = stream(40)
    criterion, clean = fitted(make, stream())
    for value in (float("nan"), float("inf"), float("-inf")):
        main, activations = rows.seen.main.clone(), rows.seen.activations.clone()
        main[3, 1] = activations[3, 5] = value
        activations[3, -1] = value
        seen = criterion.embed(Observation({"main": main}, activations)).numpy()
        assert not np.isfinite(seen[3]).all()
        assert np.isfinite(np.delete(seen, 3, 0)).all()
    assert np.isfinite(clean).all()


def features_do_not_depend_on_the_batch(make: Make) -> None:
    """To 1e-5; the same batch gives the same bits."""
    rows = stream()
    criterion, features = fitted(make, rows)
    assert features.dtype == np.float32
    assert features.shape[0] == len(rows.parents)
    assert np.array_equal(features, features_of(criterion, rows))
    some = np.array([250, 3, 3, 77])
    alone = np.concatenate([criterion.embed(rows.seen.take(some[[at]])).numpy() for at in range(len(some))])
    size = np.abs(features).max()
    assert np.allclose(criterion.embed(rows.seen.take(some)).numpy(), features[some], atol=1e-5 * size)
    # Rounding moves what is left of a projection by the root of what it moves its square.
    assert np.allclose(alone, features[some], atol=1e-3 * size)


def a_restored_criterion_goes_on_the_same(make: Make) -> None:
    rows = stream()
    criterion, features = fitted(make, rows)
    parents, half = parents_of(features, rows), len(features) // 2
    criterion.observe(features[:half], parents[:half])
    criterion.tune()
    restored = make()
    restored.restore(criterion.state())
    _require_same_state(restored.state(), criterion.state())
    assert np.array_equal(features_of(restored, rows), features)
    assert dict(restored.covered()) == dict(criterion.covered())
    for one in (criterion, restored):
        one.tune()
    assert np.array_equal(
        restored.observe(features[half:], parents[half:]), criterion.observe(features[half:], parents[half:])
    )
    _require_same_state(restored.state(), criterion.state())


def a_restored_fit_is_as_fit_left_it(make: Make) -> None:
    """Only what stands under `FIT`: as a second worker gets it."""
    rows = stream()
    criterion, features = fitted(make, rows)
    criterion.observe(features[:100], None)
    criterion.tune()
    calibration = {name: part for name, part in criterion.state().items() if name.startswith(FIT)}
    second, fresh = make(), fitted(make, rows)[0]
    second.restore(calibration)
    assert np.array_equal(features_of(second, rows), features)
    assert np.array_equal(second.observe(features, None), fresh.observe(features, None))


def state_is_not_changed_by_what_comes_later(make: Make) -> None:
    rows = stream()
    criterion, features = fitted(make, rows)
    criterion.observe(features[:100], None)
    state = criterion.state()
    before = {name: part.copy() for name, part in state.items()}
    criterion.observe(features[100:], None)
    criterion.tune()
    _require_same_state(state, before)


def loading_entries_leaves_what_observing_left(make: Make) -> None:
    """What a restart does: only rows that gained are loaded, in their order."""
    rows = stream()
    criterion, features = fitted(make, rows)
    restarted, _ = fitted(make, rows)
    half = len(features) // 2
    gained = criterion.observe(features[:half], None) > 0
    restarted.load(features[:half][gained])
    assert np.array_equal(restarted.observe(features[half:], None), criterion.observe(features[half:], None))


def loaded_rows_gain_nothing(make: Make) -> None:
    criterion, features = fitted(make, stream())
    criterion.load(features)
    assert not criterion.observe(features, None).any()


def merging_commutes_and_repeats_without_effect(make: Make) -> None:
    """For monotone criteria: the other way round it gives the same answers."""
    rows = stream()
    first, features = fitted(make, rows)
    second, _ = fitted(make, rows)
    third = len(features) // 3
    first.observe(features[:third], None)
    second.observe(features[third : 2 * third], None)
    mine, theirs = first.state(), second.state()
    for state in (theirs, theirs):
        first.merge(state)
    second.merge(mine)
    assert dict(_covering(first)) == dict(_covering(second))
    assert not first.observe(features[: 2 * third], None).any()
    assert not second.observe(features[: 2 * third], None).any()
    assert np.array_equal(first.observe(features[2 * third :], None), second.observe(features[2 * third :], None))


def one_seed_is_enough(make: Make) -> None:
    rows = stream()
    criterion = make()
    criterion.fit(rows.seen.take(np.arange(1)))
    features = features_of(criterion, rows)
    parents = parents_of(features, rows)
    criterion.observe(features[:1], None)
    for part in _batches(len(features)):
        assert np.isfinite(criterion.observe(features[part], parents[part])).all()
        criterion.tune()
    assert all(np.isfinite(value) for value in criterion.covered().values())


def a_black_box_can_be_covered(make: Make) -> None:
    """Without activations there are the outputs."""
    rows = stream(black_box=True)
    criterion, features = fitted(make, rows)
    assert len(features) == len(rows.parents)
    assert np.isfinite(features).all()
    assert criterion.observe(features, None).any()


LAWS: tuple[Callable[[Make], None], ...] = (
    a_batch_gains_what_its_rows_gain_one_by_one,
    something_gains,
    a_second_time_gains_nothing,
    gains_are_finite_and_not_negative,
    rows_that_are_not_finite_change_nothing,
    what_is_not_finite_stays_so_in_the_features,
    features_do_not_depend_on_the_batch,
    a_restored_criterion_goes_on_the_same,
    a_restored_fit_is_as_fit_left_it,
    state_is_not_changed_by_what_comes_later,
    loading_entries_leaves_what_observing_left,
    loaded_rows_gain_nothing,
    one_seed_is_enough,
    a_black_box_can_be_covered,
)

MONOTONE_LAWS: tuple[Callable[[Make], None], ...] = (merging_commutes_and_repeats_without_effect,)


def laws_for(criterion: Criterion) -> tuple[Callable[[Make], None], ...]:
    """What this one has to keep."""
    return LAWS + (MONOTONE_LAWS if criterion.monotone else ())


class CriterionLaws:
    """Inherit, give `criterion` (made for `LAYERS`), and pytest collects the laws.

    exempt: laws that yours cannot keep by its nature; say why beside them.
    """

    exempt: tuple[Callable[[Make], None], ...] = ()

    def criterion(self) -> Criterion:
        raise NotImplementedError("give the criterion to judge")

    def test_it_keeps_the_laws_of_criteria(self) -> None:
        for law in laws_for(self.criterion()):
            if law not in self.exempt:
                law(self.criterion)


def _batches(rows: int) -> Iterator[slice]:
    at = 0
    while at < rows:
        for size in (1, 2, 17, 64):
            if at < rows:
                yield slice(at, min(rows, at + size))
            at += size


def _within(make: Make, features: Features) -> tuple[Features, ...]:
    """Features that no embedding gives are only for criteria that take any number: those of distances."""
    return (features,) if make().name == "novelty" else ()


def _covering(criterion: Criterion) -> Iterator[tuple[str, float]]:
    """Its figures without those of rates, which are each worker's own."""
    return ((name, value) for name, value in criterion.covered().items() if "accept" not in name)


def _require_same_state(left: State, right: State) -> None:
    assert left.keys() == right.keys()
    for name in left:
        assert np.array_equal(left[name], right[name], equal_nan=left[name].dtype.kind == "f"), f"{name} differs"
