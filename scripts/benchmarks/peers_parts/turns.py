"""Two sides of a comparison in turns, on CPU time: what else runs on the machine slows both alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

MOST_ROUNDS = 200
"""Of what takes no time to speak of."""


class Rates(NamedTuple):
    """Inputs a CPU second of either side, and the ratio between them: medians over the rounds."""

    ours: float
    theirs: float
    ratio: float
    rounds: int

    def line(self) -> dict[str, float]:
        return {
            "ours_per_s": round(self.ours), "theirs_per_s": round(self.theirs), "ratio": round(self.ratio, 2),
            "rounds": self.rounds,
        }  # fmt: skip


def rates(ours: Callable[[], int], theirs: Callable[[], int], seconds: float, *, least: int = 3) -> Rates:
    """Each call gives how many inputs it ran. One round: one call of ours, then theirs until it has had as long.

    seconds: of the CPU, in all. least: rounds, however long they take.
    """
    rounds: list[tuple[float, float]] = []
    spent = 0.0
    while len(rounds) < least or spent < seconds:
        own, took = _rate(ours, 0.0)
        other, took_other = _rate(theirs, took)
        spent += took + took_other
        rounds.append((own, other))
    return Rates(
        statistics.median(own for own, _ in rounds),
        statistics.median(other for _, other in rounds),
        statistics.median(own / other for own, other in rounds),
        len(rounds),
    )


def _rate(run: Callable[[], int], seconds: float) -> tuple[float, float]:
    """Inputs a CPU second, and the seconds: one call, and more until they are over."""
    began = time.process_time()
    inputs = run()
    while (took := time.process_time() - began) < seconds:
        inputs += run()
    return inputs / took, took


def least_seconds(*calls: Callable[[], object], seconds: float, rounds: int = 5) -> list[float]:
    """CPU seconds of the quickest run of each call, in turns, so that a busy machine slows them alike.

    seconds: of all of them together. rounds: at least, however long they take.
    """
    best, spent, done = [float("inf")] * len(calls), 0.0, 0
    while done < rounds or (spent < seconds and done < MOST_ROUNDS):
        for at, call in enumerate(calls):
            began = time.process_time()
            call()
            took = time.process_time() - began
            best[at], spent = min(best[at], took), spent + took
        done += 1
    return best
