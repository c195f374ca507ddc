"""Harmless mutants of the seeds: by operators at a twentieth of their strength, which make no answer a wrong one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Rows
from mlfuzz.mutators.schedule.plan import Plan
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import Oracle
from mlfuzz.targets.calibrate import affordable
from mlfuzz.targets.execute import execute

STRENGTH = 0.05
"""Of an operator's range."""

MUTANTS = 96
"""Run for it: of so many the share of 95 in a hundred is known within a few."""

AT_ONCE = 32


def fit_harmless(
    oracles: Sequence[Oracle], target: Any, plan: Plan, rows: Rows, seen: Observation, *, seed: int, each: float
) -> None:
    """Tell the oracles that want to know what harmless mutants do. rows, seen: seeds of one shape and their answers.

    Nothing is run where none does. each: seconds of an input; of a slow target fewer are run. What raises is left out.
    """
    wanting: list[Any] = [oracle for oracle in oracles if hasattr(oracle, "fit_harmless")]
    if not wanting:
        return
    answers, references = [], []
    rng = np.random.Generator(np.random.Philox(key=seed, counter=[2, 0, 0, 0]))
    for _ in range(max(1, affordable(MUTANTS, each) // AT_ONCE)):
        picked = rng.integers(0, len(rows), AT_ONCE)
        parents = rows.take(picked)
        loads, kept = np.zeros((AT_ONCE, plan.ledger.width), np.float32), np.ones(AT_ONCE, np.bool_)
        mutated = plan.mutate(parents, loads, kept, rng, roots=partial(_itself, parents), most=_mild)
        execution = execute(target, mutated.rows)
        if execution.seen is not None:
            good = np.flatnonzero(mutated.invariant[execution.ran])
            answers.append(execution.seen.take(good))
            references.append(seen.take(picked[execution.ran[good]]))
    if answers:
        for oracle in wanting:
            oracle.fit_harmless(Observation.join(answers), Observation.join(references))


def _itself(rows: Rows) -> Rows:
    return rows


def _mild(name: str, start: int, stop: int) -> NDArray[np.float32]:
    return np.full(stop - start, STRENGTH, np.float32)
