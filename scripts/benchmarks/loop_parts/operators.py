"""Each default operator alone, on rows of its own kind: its speed against a bare forward pass, and its calls.

An operator is one in twenty of a batch's: three times slower it moves the whole loop's ratio by less than other work
on the machine does. ratio: microseconds of the pass over those of recording and applying it to as many rows. Both are
the least of several runs of the thread's own time, taken in turns. vectorised, python: calls, of one application.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.profiler import record_function

import mlfuzz
from loop_parts.calls import PART, PythonCalls, torch_calls
from loop_parts.campaigns import seeded
from loop_parts.pictures import lenet, write_seeds
from loop_parts.subjects import audio_cnn, bytes_cnn, write_sounds, write_texts
from mlfuzz.batch import Rows, from_payloads
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.mutators.base import defaults

ROUNDS = 5
"""Of which the least counts: what else runs on a core only ever adds."""

LEAST_SECONDS = 0.0005
"""A round repeats what takes less than that: clocks and caches have a grain."""


def _pictures() -> mlfuzz.ModuleTarget:
    torch.manual_seed(0)
    return mlfuzz.ModuleTarget("bench:operators", mlfuzz.Image(size=(28, 28), channels=3), lenet(3))


KINDS: dict[str, tuple[Callable[[], mlfuzz.ModuleTarget], Callable[[Any], None], int]] = {
    "image": (_pictures, lambda folder: write_seeds(folder, 28, 3), 64),
    "audio": (audio_cnn, write_sounds, 4),
    "text": (bytes_cnn, lambda folder: write_texts(folder, 64), 32),
}
"""Kind of input -> the target whose pass is the measure, how its seeds are written, and how many rows are taken."""


class Bench:
    """The operators of one kind of input, on the rows that they are applied to."""

    def __init__(self, kind: str) -> None:
        make, write, self.rows_taken = KINDS[kind]
        self.kind, self.target = kind, make()
        with seeded(write) as base:
            seeds = load_seeds(base / "seeds", self.target.modality).seeds
        payloads = [seeds[at % len(seeds)].payload for at in range(self.rows_taken)]
        self.rows: Rows = from_payloads(payloads, self.target.modality, self.target.device)

    def names(self) -> list[str]:
        return [part.name for part in defaults(self.kind)]

    def ratios(self, names: Sequence[str], *, rounds: int = ROUNDS) -> dict[str, float]:
        """Of these operators of the kind."""
        found = {}
        for name in names:
            once = self._application(name)
            once()  # tables that are made once, and memory
            bare, own = (float("inf"),) * 2
            for _ in range(rounds):
                bare = min(bare, _seconds(lambda: self.target.forward(self.rows)))
                own = min(own, _seconds(once))
            found[name] = round(bare / own, 4)
        return found

    def calls(self) -> dict[str, dict[str, int]]:
        """Of one application of each of the default operators."""
        once = {name: self._application(name) for name in self.names()}
        for call in once.values():
            call()
        with torch_calls() as parts:
            for name, call in once.items():
                with record_function(PART + name):
                    call()
        for name, call in once.items():
            watch = PythonCalls(parts[name])
            watch.start()
            try:
                call()
            finally:
                watch.stop()
        return {name: {"vectorised": parts[name].vectorised, "python": parts[name].python} for name in once}

    def _application(self, name: str) -> Callable[[], object]:
        part = next(part for part in defaults(self.kind) if part.name == name)
        rng = np.random.default_rng(0)
        count = len(self.rows)
        columns, seeds = part.draw(count, rng), rng.integers(0, 1 << 62, count)
        return lambda: part.apply(self.rows, part.record(self.rows, columns, seeds))


def _seconds(call: Callable[[], object]) -> float:
    """Of the thread's own time, a call."""
    count, began = 0, time.thread_time()
    while True:
        call()
        count += 1
        if (spent := time.thread_time() - began) >= LEAST_SECONDS:
            return spent / count
