"""Inputs tried while a finding is made smaller: judged in batches, counted, and at the end alone."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlfuzz.campaign.confirm.confirm import TIMES
from mlfuzz.campaign.confirm.oracle_run import OracleRun
from mlfuzz.errors import ReplayError
from mlfuzz.modality.base import Payload
from mlfuzz.mutation import Chain

SHARES = 16
"""Severities tried at once: two rounds find a boundary to 1/256 of a range."""

MAX_BATCH = 64

FLOOR_FACTOR = 2.0
"""A shrunk chain must fail by twice the floor, so that it does not sit on the edge of what counts; unless the recorded
one does."""


class Attempts:
    """Whether chains and payloads fail as the finding does: above `floor`, with the same key.

    deadline: by `time.monotonic`; nothing new is tried after it. tried: inputs run so far.
    """

    def __init__(self, trial: OracleRun, floor: float, key: int | None, *, deadline: float) -> None:
        self.trial, self.floor, self.key, self.deadline = trial, floor, key, deadline
        self.tried = 0

    @property
    def late(self) -> bool:
        """Whether nothing new is to be tried."""
        return time.monotonic() > self.deadline

    def fails(self, chains: Sequence[Chain]) -> NDArray[np.bool_]:
        """Which of the chains make an input from the seed that fails. Raises ReplayError where one cannot be run."""
        parts = []
        for start in range(0, len(chains), MAX_BATCH):
            some = chains[start : start + MAX_BATCH]
            answer = self.trial.evaluate(self.trial.mutants(some), some)
            parts.append(self.trial.fails(answer, self.floor, self.key))
            self.tried += len(some)
        return np.concatenate(parts) if parts else np.zeros(0, np.bool_)

    def first(self, candidates: Sequence[Chain]) -> Chain | None:
        """The first failing candidate, in their order."""
        if not candidates or self.late:
            return None
        try:
            failing = np.flatnonzero(self.fails(candidates))
        except ReplayError:
            return None
        return candidates[int(failing[0])] if len(failing) else None

    def margins(self, payloads: Sequence[Payload]) -> NDArray[np.float64]:
        """Of each the margin by which it fails; -infinity where it does not, or was not tried in time."""
        margins = np.full(len(payloads), -np.inf)
        for start in range(0, len(payloads), MAX_BATCH):
            if self.late:
                break
            some = payloads[start : start + MAX_BATCH]
            answer = self.trial.evaluate(self.trial.rows(some))
            failing = self.trial.fails(answer, self.floor, self.key)
            known = np.nan_to_num(answer.margins.astype(np.float64), nan=0.0)
            margins[start : start + len(some)] = np.where(failing, known, -np.inf)
            self.tried += len(some)
        return margins

    def alone(self, payload: Payload, chain: Chain | None = None) -> tuple[bool, float | None]:
        """(whether it fails by itself, every time; its margin). chain: what led to it, if not the finding's own."""
        margin: float | None = None
        for _ in range(TIMES):
            answer = self.trial.evaluate(self.trial.rows([payload]), None if chain is None else [chain])
            self.tried += 1
            if not self.trial.fails(answer, self.floor, self.key)[0]:
                return False, None
            margin = float(answer.margins[0]) if np.isfinite(answer.margins[0]) else None
        return True, margin
