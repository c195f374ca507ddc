"""Which of two chains is simpler: one total order, and what of a chain it looks at."""

from __future__ import annotations

import numpy as np

from mlfuzz.mutation import Chain, Mutation
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.mutators.param import Sites, columns_of


def order(chain: Chain) -> tuple[int, int, float, int]:
    """The total order: fewer steps, fewer sites, milder, smaller whole numbers (noise seeds among them)."""
    return (
        len(chain),
        sum(site_count(mutation) for mutation in chain),
        round(sum(severity(mutation) for mutation in chain), 6),
        sum(abs(value) for mutation in chain for value in mutation.params.values() if isinstance(value, int)),
    )


def severity(mutation: Mutation) -> float:
    """How far the parameters are from neutral, each in [0, 1] of its range; the largest of them.

    0 for a record of another version of the operator, with other parameters.
    """
    part = MUTATORS.get(mutation.name)
    if set(mutation.params) != set(part.full_space):
        return 0.0
    columns = columns_of(part.full_space, [mutation.params])
    shares = [float(space.severity(np.asarray(columns[name]))[0]) for name, space in part.space.items()]
    return max(shares, default=0.0)


def dominant(chain: Chain) -> str:
    """The operator that matters most: of the highest severity, the last of equals."""
    if not chain:
        return ""
    return max(enumerate(chain), key=lambda item: (severity(item[1]), item[0]))[1].name


def site_count(mutation: Mutation) -> int:
    """Places that a text operator changes; 0 of any other."""
    spaces = MUTATORS.get(mutation.name).full_space
    return max(
        (
            len(value)
            for name, value in mutation.params.items()
            if isinstance(value, list) and isinstance(spaces[name], Sites)
        ),
        default=0,
    )
