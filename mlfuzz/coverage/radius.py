"""How near is known: a radius that follows the share of rows it lets in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import ConfigError

TARGET_RATE = 0.01
"""Fixed radii let in between 0 and 52 % of mutants, depending on model and seeds; this controller 0.9-1.0 %."""

STEP = 0.05
START_QUANTILE = 0.9

ROWS_A_STEP = 256
"""A rate over fewer rows is noise: small batches share a step, unless they let in a flood."""

_FLOOD = 4.0
_RECENT_ROWS = 4096


class Radius:
    """A distance that `step` moves towards `target` acceptance; never while rows are observed.

    value: the radius. target: rows that should be novel, as a share in (0, 1), or None for a radius that stays.
    recent: acceptance over about the last 4,096 rows.
    """

    def __init__(self, value: float | None = None, *, target: float | None = TARGET_RATE) -> None:
        if value is not None and not value >= 0.0:
            raise ConfigError(f"novelty: radius must be 'auto' or a number from 0 on, not {value}")
        if target is not None and not 0.0 < target < 1.0:
            raise ConfigError(f"novelty: target_rate must lie between 0 and 1, not {target}")
        self.value = 1.0 if value is None else value
        self._target = target if value is None else None
        self._calibrated = value is not None
        self.rows = self.accepted = 0
        self.recent = 0.0
        self._first = self.value
        self._waiting = self._let_in = 0
        self._apart: list[NDArray[np.float32]] = []

    @property
    def adapts(self) -> bool:
        return self._target is not None

    @property
    def collects(self) -> bool:
        """Whether it is still to begin where the distances it is told lie: these must then be exact."""
        return not self._calibrated

    def start(self, squares: NDArray[np.float32]) -> bool:
        """Begin at the 90 % quantile of these squared distances; False where they say nothing (none, or all 0)."""
        finite = squares[np.isfinite(squares) & (squares > 0.0)]
        if not self.adapts or len(finite) == 0:
            return not self.adapts
        self.value = self._first = float(np.sqrt(np.quantile(finite, START_QUANTILE)))
        self._calibrated = True
        return True

    def guess(self, value: float) -> None:
        """Begin here until distances of real children have been seen."""
        if self.adapts:
            self.value = self._first = value

    @property
    def first(self) -> NDArray[np.float64]:
        """What it began at, for `begin`."""
        return np.array([self._first, self._calibrated], np.float64)

    def begin(self, first: NDArray[np.float64]) -> None:
        self.value, self._calibrated = float(first[0]), bool(first[1])
        self._first = self.value

    def count(self, accepted: int, squares: NDArray[np.float32]) -> None:
        """Of one batch: rows let in, and how far each row was from what was known, squared."""
        rows = len(squares)
        self.rows, self.accepted = self.rows + rows, self.accepted + accepted
        self._waiting, self._let_in = self._waiting + rows, self._let_in + accepted
        if not self._calibrated:
            self._apart.append(squares)

    def step(self) -> None:
        """Between batches: one step towards the target rate, where enough rows have been seen."""
        flood = self._let_in > _FLOOD * (self._target or TARGET_RATE) * ROWS_A_STEP
        if not self._waiting or (self._waiting < ROWS_A_STEP and not flood):
            return
        rate = self._let_in / self._waiting
        self.recent += min(1.0, self._waiting / min(self.rows, _RECENT_ROWS)) * (rate - self.recent)
        self._waiting = self._let_in = 0
        if self._target is None:
            return
        if not self._calibrated and self.start(np.concatenate(self._apart)):
            self._apart = []
            return
        self.value *= math.exp(STEP * min(3.0, max(-1.0, rate / self._target - 1.0)))

    def state(self) -> dict[str, NDArray[Any]]:
        """All but the distances that an uncalibrated radius collects."""
        counts = [self.rows, self.accepted, self._waiting, self._let_in, int(self._calibrated)]
        return {"radius": np.array([self.value, self.recent]), "counts": np.array(counts, np.int64)}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        self.value, self.recent = (float(number) for number in state["radius"])
        self.rows, self.accepted, self._waiting, self._let_in, calibrated = (int(n) for n in state["counts"])
        self._calibrated = bool(calibrated)
