"""The index: exact while small, repeatable and on the safe side when large."""

from __future__ import annotations

import numpy as np
import torch

from mlfuzz.coverage.distance import Vectors
from mlfuzz.coverage.index import CATCHING_UP, GRAPH_BLOCK, Index


def vectors(rows: int, width: int = 8, *, key: int = 0) -> Vectors:
    return np.random.default_rng(key).standard_normal((rows, width)).astype(np.float32)


def built(rows: Vectors, *, exact: int, batch: int) -> Index:
    index = Index(rows.shape[1], exact=exact)
    for start in range(0, len(rows), batch):
        index.add(rows[start : start + batch])
        index.consolidate()
    return index


def test_it_keeps_what_was_added_in_order_beyond_its_first_room() -> None:
    rows = vectors(2500)
    index = built(rows, exact=10_000, batch=333)
    assert len(index) == 2500
    assert np.array_equal(index.vectors, rows)
    assert not index.nearest(rows[::17]).any()


def test_no_graph_is_built_while_entries_are_few() -> None:
    assert built(vectors(1000), exact=1000, batch=100).consolidated == 0


def test_whole_blocks_move_into_the_graph_and_the_rest_is_scanned() -> None:
    index = built(vectors(1000), exact=600, batch=100)
    assert index.consolidated == 1000 // GRAPH_BLOCK * GRAPH_BLOCK
    index.add(vectors(50, key=1))
    assert not index.nearest(vectors(50, key=1)).any()


def test_adding_does_not_touch_the_graph_until_it_is_settled() -> None:
    index = built(vectors(1000), exact=600, batch=100)
    consolidated = index.consolidated
    index.add(vectors(1000, key=1))
    assert index.consolidated == consolidated
    index.consolidate()
    assert index.consolidated == 2000 // GRAPH_BLOCK * GRAPH_BLOCK


def test_the_graph_does_not_depend_on_how_entries_came() -> None:
    rows, queries = vectors(2000, 16), vectors(400, 16, key=1)
    answers = [built(rows, exact=600, batch=batch).nearest(queries) for batch in (1, 97, 2000)]
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])


def test_it_never_answers_less_than_the_true_distance_and_rarely_more() -> None:
    rows, queries = vectors(4000, 24), vectors(500, 24, key=1)
    truth = built(rows, exact=10_000, batch=4000).nearest(queries)
    found = built(rows, exact=600, batch=4000).nearest(queries)
    assert (found >= truth * (1 - 1e-5)).all()
    assert np.mean(found > truth * 1.001) < 0.05


def test_an_entry_is_near_enough_where_one_within_the_distance_is_asked_for() -> None:
    rows, queries = vectors(4000, 24), vectors(500, 24, key=1)
    truth = built(rows, exact=10_000, batch=4000).nearest(queries)
    limit = float(np.quantile(truth, 0.9))
    found = built(rows, exact=600, batch=4000).nearest(queries, enough=limit)
    assert (found[truth > limit] > limit).all()
    assert np.mean(found[truth <= limit] > limit) < 0.01


def test_settling_as_many_as_before_gives_the_same_index() -> None:
    rows, queries = vectors(2000, 16), vectors(400, 16, key=1)
    index = built(rows, exact=600, batch=97)
    restored = Index(16, exact=600)
    restored.add(index.vectors)
    restored.consolidate(index.consolidated)
    assert restored.consolidated == index.consolidated
    assert np.array_equal(restored.nearest(queries), index.nearest(queries))


def test_building_leaves_the_number_of_threads_alone() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        index = built(vectors(512), exact=0, batch=256)
        assert index.consolidated == 512
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_very_many_move_into_the_graph_bit_by_bit_and_are_found_exactly_meanwhile() -> None:
    rows, queries = vectors(6000, 4), vectors(64, 4, key=1)
    index, truth = Index(4), Index(4, exact=10_000)
    for one in (index, truth):
        one.add(rows)
        one.consolidate()
    assert index.consolidated == CATCHING_UP * GRAPH_BLOCK
    assert np.mean(index.nearest(queries) > truth.nearest(queries) * 1.001) < 0.05
    while (before := index.consolidated) < len(rows) // GRAPH_BLOCK * GRAPH_BLOCK:
        index.consolidate()
        assert index.consolidated > before
