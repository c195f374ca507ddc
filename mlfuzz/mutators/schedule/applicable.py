"""How often an operator finds something to do in these inputs: a text without a date has none to rewrite.

A mutant without a change costs a forward pass and tells nothing. Without this a quarter of all mutants of plain
sentences were copies of their parents.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Rows
from mlfuzz.mutators.base import Mutator

MOST_ROWS = 64
"""Looked at, spread over those given."""


def applicable(mutators: Sequence[Mutator], rows: Rows) -> NDArray[np.float64]:
    """Share of the rows in which each mutator finds a site, (mutators,) in [0, 1]; 1 for those that propose no sites.

    The same rows give the same shares. All are 1 where no mutator finds any: nothing is known then.
    """
    if all(part.propose is None for part in mutators) or not len(rows):
        return np.ones(len(mutators))
    few = rows.take(np.unique(np.linspace(0, len(rows) - 1, MOST_ROWS).round().astype(np.int64)))
    shares = np.asarray([_share(part, few) for part in mutators])
    return shares if shares.any() else np.ones(len(mutators))


def _share(part: Mutator, rows: Rows) -> float:
    if part.propose is None:
        return 1.0
    columns = part.draw(len(rows), np.random.default_rng(0))
    recorded = part.record(rows, columns, np.arange(len(rows)))
    return float(np.mean([any(recorded[name][row] for name in part.sites) for row in range(len(rows))]))
