"""How far rows are from their seeds, by modality: what the limits that compare with a seed are checked by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from mlfuzz.batch import Rows
from mlfuzz.errors import ConfigError
from mlfuzz.mutators.limits import Limits
from mlfuzz.registry import Registry


class Distance(Protocol):
    """How a modality measures rows against their seeds; registered under the modality's name."""

    def clip(self, rows: Rows, roots: Rows, limits: Limits) -> Rows:
        """The nearest rows within the limits that can be clipped to (L-inf), on the grid; else the rows themselves."""

    def check(self, rows: Rows, roots: Rows, limits: Limits, *, kind: str) -> Tensor:
        """(B,) bool on the rows' device: within the limits. kind: of the operator that made the rows."""


DISTANCES: Registry[Distance] = Registry("distance", shipped=("mlfuzz.mutators.image.limits",))


def distance(modality: str) -> Distance:
    """Raises ConfigError where the modality has none."""
    if modality not in DISTANCES.names():
        raise ConfigError(
            f"limits linf, l0, ssim and alpha_beta are for {', '.join(DISTANCES.names())}, not {modality}"
        )
    return DISTANCES.get(modality)


def bound(limits: Limits, modality: str) -> Callable[[Rows, Rows], Rows] | None:
    """(mutated, roots) -> mutated clipped to its roots, for `replay`; None where the limits clip nothing."""
    if limits.linf is None:
        return None
    measure = distance(modality)
    return lambda rows, roots: measure.clip(rows, roots, limits)
