"""Where the time of making inputs goes, by stage and by operator: clocks put around the parts of the loop that runs.

A clock counts its own CPU time without that of clocks inside of it. Each costs about half a microsecond a call, of some
hundred calls a batch.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mlfuzz import batch as batches
from mlfuzz.campaign.loop import loop as loops
from mlfuzz.campaign.setup.input_cache import InputCache
from mlfuzz.mutators import base
from mlfuzz.mutators.limits.limits import DistanceLedger
from mlfuzz.mutators.schedule import plan, slices

STAGES = (
    (loops.Loop, "_pick", "pick"),
    (plan.Plan, "cut", "choose"),
    (base.Mutator, "draw", "draw"),
    (InputCache, "parents", "gather"),
    (batches.StoredRows, "part", "gather"),
    (base.Mutator, "record", "propose"),
    (DistanceLedger, "allow_all", "limits"),
    (base, "snap", "quantise"),
    (plan.Plan, "_bounded", "distance"),
    (plan, "apply_slices", "slices"),
    (slices, "apply_slices", "slices"),
    (slices, "_joined", "join"),
    (plan, "apply_within", "join"),
    (base.Mutator, "apply", "slices"),
    (loops, "records_of", "record"),
    (plan.Plan, "learn", "learn"),
)
"""(owner, attribute, stage). What an operator's own function does is "apply"; "slices" is what stands about it."""


class Stages:
    """Seconds and calls by stage, and by operator, since `clear`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.operators: dict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self._inside: list[float] = []

    def clear(self) -> None:
        for each in (self.seconds, self.operators, self.calls, self.rows):
            each.clear()

    def timed(self, call: Callable[..., Any], stage: str, operator: str = "") -> Callable[..., Any]:
        """`call` with a clock around it."""

        def run(*arguments: Any, **named: Any) -> Any:
            began = time.thread_time()
            self._inside.append(0.0)
            try:
                return call(*arguments, **named)
            finally:
                whole = time.thread_time() - began
                own = whole - self._inside.pop()
                self.seconds[stage] += own
                if self._inside:
                    self._inside[-1] += whole
                if operator:
                    self.operators[operator] += own
                    self.calls[operator] += 1
                    self.rows[operator] += len(arguments[0])

        return run

    def table(self, inputs: int, batch_count: int) -> dict[str, object]:
        """Microseconds an input of each stage; of each operator, those a row, its calls a batch and share of time."""
        whole = sum(self.operators.values()) or 1.0
        dear = sorted(self.operators, key=lambda name: -self.operators[name])
        return {
            "stages_us": {name: round(1e6 * value / inputs, 3) for name, value in sorted(self.seconds.items())},
            "calls_a_batch": round(sum(self.calls.values()) / batch_count, 2),
            "rows_a_call": round(sum(self.rows.values()) / max(1, sum(self.calls.values())), 1),
            "operators": [
                {
                    "name": name, "share": round(self.operators[name] / whole, 4),
                    "us_a_row": round(1e6 * self.operators[name] / self.rows[name], 2),
                    "us_a_call": round(1e6 * self.operators[name] / self.calls[name], 1), "rows": self.rows[name],
                }
                for name in dear
            ],
        }  # fmt: skip


@contextmanager
def clocks() -> Iterator[Stages]:
    """Clocks around every stage, taken away at the end."""
    found = Stages()
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in STAGES]
    functions = [(part, part.function) for part in base.MUTATORS]
    try:
        for owner, name, stage in STAGES:
            setattr(owner, name, found.timed(getattr(owner, name), stage))
        for part, function in functions:  # a frozen record: this is the one place that looks behind it
            object.__setattr__(part, "function", found.timed(function, "apply", part.name))
        yield found
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
        for part, function in functions:
            object.__setattr__(part, "function", function)
