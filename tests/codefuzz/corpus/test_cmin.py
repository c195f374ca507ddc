"""The few files that reach what all reach."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from mlfuzz.codefuzz.corpus.cmin import cover


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(0, 30), st.frozensets(st.integers(0, 40)), max_size=20), st.randoms())
def test_nothing_is_lost_and_nothing_is_needless(reached, rng):
    sizes = {name: rng.randrange(100) for name in reached}
    kept = cover(reached, sizes)
    everything = set().union(*reached.values()) if reached else set()
    assert set().union(*(reached[name] for name in kept)) == everything
    for name in kept:
        assert set().union(*(reached[other] for other in kept if other != name)) != everything


def test_of_two_that_reach_the_same_the_smaller_is_kept():
    reached = {"large": frozenset({1, 2}), "small": frozenset({1, 2})}
    assert cover(reached, {"large": 900, "small": 3}) == ["small"]


def test_a_thousand_files_become_few():
    rng = random.Random(3)
    reached = {n: frozenset(rng.sample(range(300), 40)) for n in range(1000)}
    assert len(cover(reached, dict.fromkeys(reached, 10))) < 40
