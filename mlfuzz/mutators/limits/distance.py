"""How far rows are from their seeds, by modality: what the limits that compare with a seed are checked by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from mlfuzz.batch import Rows
from mlfuzz.errors import ConfigError
from mlfuzz.modality.base import declared
from mlfuzz.mutators.limits.limits import DISTANCES as COMPARING
from mlfuzz.mutators.limits.limits import Limits
from mlfuzz.registry import Registry


class Distance(Protocol):
    """How a modality measures rows against their seeds; which names it in its `parts`; registered under its name.

    like: what likeness is called, and from where on an input passes for its seed. moving: kinds of operators that move
    everything, of which likeness says nothing.
    """

    like: tuple[str, float]
    moving: frozenset[str]

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the limits that `check` looks at."""

    def clip(self, rows: Rows, roots: Rows, limits: Limits) -> Rows:
        """The nearest rows within the limits that can be clipped to (L-inf), on the grid; else the rows themselves."""

    def check(self, rows: Rows, roots: Rows, limits: Limits, *, kind: str) -> Tensor:
        """(B,) bool on the rows' device: within the limits. kind: of the operator that made the rows."""

    def likeness(self, rows: Rows, roots: Rows) -> Tensor:
        """(B,): how like its seed each row is; more is liker."""


DISTANCES: Registry[Distance] = Registry("distance", declared=declared("distance"))


def distance(modality: str, limits: Limits | None = None) -> Distance:
    """Raises ConfigError where the modality has none, or does not measure one of the limits that are set."""
    if modality not in DISTANCES.names():
        raise ConfigError(
            f"limits that compare with the seed ({', '.join(COMPARING)}) are for {', '.join(DISTANCES.names())}, "
            f"not {modality}: leave them out, or give its `parts` a distance"
        )
    measure = DISTANCES.get(modality)
    unknown = [name for name in (limits.distances if limits else ()) if name not in measure.measures]
    if unknown:
        raise ConfigError(f"limit {unknown[0]} is not for {modality}, which has {', '.join(measure.measures)}")
    return measure


def bound(limits: Limits, modality: str) -> Callable[[Rows, Rows], Rows] | None:
    """(mutated, roots) -> mutated clipped to its roots, for `replay`; None where the limits clip nothing."""
    if limits.linf is None:
        return None
    measure = distance(modality, limits)
    return lambda rows, roots: measure.clip(rows, roots, limits)
