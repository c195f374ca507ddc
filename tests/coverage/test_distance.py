"""Distances are exact, and the same in any batch."""

from __future__ import annotations

import numpy as np
import pytest

from mlfuzz.coverage.distance import (
    LARGEST,
    Vectors,
    first_of_their_kind,
    near_pairs,
    nearest,
    norms_of,
    squared,
    usable,
)


def vectors(rows: int, width: int, *, scale: float = 1.0, key: int = 0) -> Vectors:
    """Ordinary rows, with every seventh far out."""
    found = np.random.default_rng(key).standard_normal((rows, width)).astype(np.float32)
    found[::7] *= np.float32(scale)
    return found


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e8, 1e17])
@pytest.mark.parametrize("width", [1, 11, 64])
def test_the_nearest_is_the_nearest_by_subtraction_bit_for_bit(width: int, scale: float) -> None:
    entries = vectors(500, width, scale=scale)
    queries = np.concatenate([entries[:40], entries[:40] + 1e-3 * vectors(40, width, key=1)])
    found = nearest(queries, entries, norms_of(entries))
    assert np.array_equal(found, np.array([squared(entries, query).min() for query in queries]))
    assert np.array_equal(
        found, np.concatenate([nearest(query[None], entries, norms_of(entries)) for query in queries])
    )
    assert not found[:40].any()


def test_of_many_entries_the_nearest_is_found_and_what_is_near_enough_is_told_from_what_is_not() -> None:
    entries = vectors(1800, 8)
    queries = np.concatenate([entries[::9] + 0.2 * vectors(200, 8, key=1), vectors(400, 8, key=2)])
    truth = np.array([squared(entries, query).min() for query in queries])
    assert np.array_equal(nearest(queries, entries, norms_of(entries)), truth)
    limit = float(np.median(truth))
    found = nearest(queries, entries, norms_of(entries), enough=limit)
    assert np.array_equal(found <= limit, truth <= limit)
    assert np.array_equal(found[found > limit], truth[truth > limit])
    assert np.array_equal(
        found, np.concatenate([nearest(one[None], entries, norms_of(entries), enough=limit) for one in queries])
    )
    own = nearest(entries, entries, norms_of(entries), earlier=True)
    assert own[0] == np.inf
    assert np.array_equal(own[1:], [squared(entries[:at], entries[at]).min() for at in range(1, len(entries))])


def test_nothing_is_infinitely_near_to_no_entries() -> None:
    queries = vectors(3, 4)
    assert np.isinf(nearest(queries, queries[:0], norms_of(queries[:0]))).all()
    assert nearest(queries[:0], queries, norms_of(queries)).shape == (0,)


def test_a_query_may_look_only_at_earlier_entries() -> None:
    rows = vectors(150, 5)
    found = nearest(rows, rows, norms_of(rows), earlier=True)
    wanted = [squared(rows[:at], rows[at]).min(initial=np.inf) for at in range(150)]
    assert np.array_equal(found, np.array(wanted, np.float32))


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_near_pairs_are_all_pairs_within_the_limit(scale: float) -> None:
    rows = vectors(120, 6, scale=scale)
    limit = float(squared(rows[1:], rows[:-1])[40])  # one pair stands exactly on the limit
    wanted = {(i, j) for j in range(120) for i in range(j) if squared(rows[i : i + 1], rows[j])[0] <= np.float32(limit)}
    earlier, later = near_pairs(rows, limit)
    assert set(zip(earlier.tolist(), later.tolist(), strict=True)) == wanted
    assert (40, 41) in wanted
    assert (np.diff(later) >= 0).all()


@pytest.mark.parametrize("count", [1, 16, 17, 90])
def test_the_greedy_choice_is_that_of_looking_at_one_row_after_the_other(count: int) -> None:
    rows, limit = vectors(count, 3), np.float32(1.5)
    wanted: list[int] = []
    for row in range(count):
        if not wanted or squared(rows[wanted], rows[row]).min() > limit:
            wanted.append(row)
    chosen, apart = first_of_their_kind(rows, float(limit))
    assert chosen.tolist() == wanted
    assert np.isinf(apart[0])
    assert all(apart[at] == squared(rows[wanted[:at]], rows[wanted[at]]).min() for at in range(1, len(wanted)))


def test_rows_that_are_not_finite_or_too_large_are_not_usable() -> None:
    rows = np.ones((6, 3), np.float32)
    rows[1, 0], rows[2, 1], rows[3, 2], rows[4, 0], rows[5, 1] = np.nan, np.inf, -np.inf, LARGEST * 2, -LARGEST / 2
    assert usable(rows).tolist() == [True, False, False, False, False, True]
