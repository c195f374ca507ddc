"""Counts by operator are those of a look at each row, whatever did not run."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mlfuzz.batch import Step, TextRows
from mlfuzz.campaign.loop.counters import Counters
from mlfuzz.modality.text import Text
from mlfuzz.mutators.schedule.slices import Mutated
from mlfuzz.progress import SEVERITY_BINS

SIZE = 40


def batch(rng: np.random.Generator, cuts: list[list[int]]) -> Mutated:
    """cuts: of each step of a chain the edges of its slices; operators are named by their place."""
    steps = tuple(
        Step(f"text.{number}", 1, start, stop, {}, seconds=0.25)
        for cut in cuts
        for number, (start, stop) in enumerate(zip([0, *cut], [*cut, SIZE], strict=True))
    )
    texts, none = TextRows(("",) * SIZE, Text(max_chars=8)), np.zeros(SIZE, np.bool_)
    severity = rng.random(SIZE).astype(np.float32)
    return Mutated(texts, steps, np.zeros((SIZE, 1), np.float32), ~none, none, severity)


@pytest.mark.parametrize("cuts", [[[7, 20]], [[7, 20], [13, 39]]], ids=["one step", "two steps"])
@pytest.mark.parametrize("share", [1.0, 0.6])
def test_a_settled_batch_counts_each_row_of_each_step_that_ran(cuts: list[list[int]], share: float) -> None:
    rng = np.random.default_rng(0)
    tally = Counters()
    expected: dict[str, NDArray[np.int64]] = {}
    for _ in range(3):
        mutated = batch(rng, cuts)
        ran = np.flatnonzero(rng.random(SIZE) < share)
        gains = np.where(rng.random(len(ran)) < 0.3, 1, 0).astype(np.float32)
        margins = rng.standard_normal((len(ran), 2)).astype(np.float32)
        margins[rng.random(len(ran)) < 0.2] = np.nan
        failing = np.asarray((margins > 0).any(axis=1))
        unjudged_rows = np.asarray(np.isnan(margins).all(axis=1))
        firsts = failing & (rng.random(len(ran)) < 0.5)
        tally.count(mutated, ran, gains, margins, failing, np.zeros(len(ran), np.bool_), firsts)
        for step in mutated.steps:
            counts = expected.setdefault(step.name, np.zeros((5, SEVERITY_BINS), np.int64))
            for at, row in enumerate(ran.tolist()):
                if step.start <= row < step.stop:
                    level = min(int(mutated.severity[row] * SEVERITY_BINS), SEVERITY_BINS - 1)
                    seen = (True, failing[at], gains[at] > 0, unjudged_rows[at], firsts[at])
                    counts[[kind for kind, is_so in enumerate(seen) if is_so], level] += 1
    for name, (rows, failures, gained, unjudged, first) in expected.items():
        stats = tally.operators[name]
        assert (stats.rows, stats.failures, stats.gains) == (rows.sum(), failures.sum(), gained.sum())
        assert (stats.unjudged, stats.firsts) == (unjudged.sum(), first.sum())
        assert tally.spent[name] == 0.25 * 3 * len(cuts)
        assert stats.rows_by_severity == rows.tolist()
        assert stats.failures_by_severity == failures.tolist()
