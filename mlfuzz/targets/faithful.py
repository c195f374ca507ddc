"""Whether a target's faster form still answers its seeds as the slow one does: what lets the options stay on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import Rows
from mlfuzz.errors import TargetError
from mlfuzz.observation import Observation, Output
from mlfuzz.targets.acceleration import COMPILE, Acceleration, idle, written
from mlfuzz.targets.calibrate import largest_difference, noises, speed
from mlfuzz.targets.module import ModuleTarget

FloorOf = Callable[[float, float], float]
"""(noise of a row alone against in its batch, spread of the outputs) -> the smallest difference that counts."""

TURNS = 3
"""Of each side, one after the other, when speeds are compared: A B A B A B."""

TURN_SECONDS = 0.25

WORTH = 1.05
"""A gain below that is none: two runs of one thing are as far apart."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One option, or all of them, against none. apart: the largest difference of the answers to `rows` seeds. others:
    how many of these are another label. first: seconds of the first call, where the option is compiled."""

    names: tuple[str, ...]
    rows: int
    apart: float
    floor: float
    others: int
    first: float

    @property
    def faithful(self) -> bool:
        return self.apart <= self.floor and not self.others

    @property
    def sentence(self) -> str:
        """How far the answers are apart."""
        labels = f"{self.others} of {self.rows} labels differ" if self.others else "labels are equal"
        return f"answers to {self.rows} seeds are up to {self.apart:.2g} apart (noise floor {self.floor:.2g}), {labels}"


def weighed(target: ModuleTarget, rows: Rows, floor_of: FloorOf) -> Iterator[Weighed]:
    """Each option that is on by itself, then all of them where there are several, against none, on these seeds.

    The floor is that of the target without them. Raises what the target raises, TargetError where one cannot be had.
    """
    options = target.accelerator.options
    with target.running_with(Acceleration()):
        slow = target.run(rows)
        single, spread, _ = noises(target, rows, slow)["main"]
    floor = floor_of(single, spread)
    tried = [options.only(name) for name in options.names]
    for one in tried if len(tried) == 1 else [*tried, options]:
        with target.running_with(one):
            started = time.perf_counter()
            fast = target.run(rows)
            first = time.perf_counter() - started
        apart, others = largest_difference(slow, fast), other_answers(slow, fast, target.answers.threshold)
        yield Weighed(one.names, len(rows), apart, floor, others, first if one.compile else 0.0)


def require_faithful(target: object, rows: Rows, floor_of: FloorOf) -> None:
    """Raises TargetError where an option moves the answers by more than noise: other findings would be found."""
    if isinstance(target, ModuleTarget) and target.accelerator.options.names:
        for one in weighed(target, rows, floor_of):
            if not one.faithful:
                raise TargetError(f"target {target.name}: {refused(one)}")


def refused(one: Weighed) -> str:
    """Why these options may not be on, and what to do."""
    named = " with ".join(map(written, one.names))
    compared = next((name for name in one.names if name in ("bf16", COMPILE)), "")
    looked = f"; where it matters is found by --oracle differ:{compared}" if compared else ""
    return (
        f"{named} is refused: {one.sentence}; leave it out, or hand the module over in that form if it is what you "
        f"deploy{looked}"
    )


def gain_line(target: ModuleTarget, rows: Rows) -> tuple[bool, str]:
    """(whether the options pay, in inputs/s with and without them), each side at its own best batch, in turns."""
    own = target.accelerator.options
    batches, best = {}, {}
    for one in (Acceleration(), own):
        with target.running_with(one):
            batches[one] = speed(target, rows).batch
        best[one] = 0.0
    for _ in range(TURNS):
        for one, batch in batches.items():
            with target.running_with(one):
                best[one] = max(best[one], _rate(target, rows, batch))
    slow, fast = best[Acceleration()], best[own]
    words = (
        f"{fast:,.0f} inputs/s with {', '.join(map(written, own.names))} (batch {batches[own]}), {slow:,.0f} without "
        f"(batch {batches[Acceleration()]}): {fast / slow:.2f} times, the best of {TURNS} turns each"
    )
    return fast >= WORTH * slow, words


def other_answers(one: Observation, other: Observation, threshold: float | None = None) -> int:
    """Rows whose best class, text or side differs; of other numbers none are counted."""
    return int(_differing(one.outputs["main"], other.outputs["main"], threshold))


def start_words(one: Weighed) -> str:
    """What compiling costs whoever starts a process."""
    return (
        f"compiling takes {one.first:.1f} s at the start of each process (of a campaign, a replay, a test), and "
        "coverage looks at the outputs"
    )


def idle_words(target: object) -> str:
    """What to say of options that do nothing here; "" where there are none."""
    return idle(target.accelerator.options, target.device) if isinstance(target, ModuleTarget) else ""


def _differing(one: Output, other: Output, threshold: float | None) -> int:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return sum(left != right for left, right in zip(one, other, strict=True))
    if not isinstance(one, Tensor) or not isinstance(other, Tensor) or one.shape != other.shape or one.dim() < 1:
        return 0
    if threshold is not None:
        sides = (one > threshold) != (other > threshold)
    elif one.dim() >= 2 and one.shape[1] > 1:
        sides = one.argmax(1) != other.argmax(1)
    else:
        return 0
    return int(sides.reshape(len(one), -1).any(1).sum())


def _rate(target: ModuleTarget, rows: Rows, batch: int) -> float:
    filled = rows.take(np.arange(batch) % len(rows))
    clock = time.process_time if target.device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    began, count = clock(), 0
    while True:
        target.run(filled)
        if target.device.type == "cuda":
            torch.cuda.synchronize(target.device)
        count += batch
        if (spent := clock() - began) >= TURN_SECONDS:
            return count / spent
