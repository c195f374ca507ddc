"""How many new faults are still to be expected, with an interval, or why that is not known.

Inputs are a sample of what a campaign can find, faults its species (Böhme, STADS, TOSEM 2018): the number of those met
once estimates those not met yet (Good, Biometrika 1953). A guided campaign changes what it samples, so only faults
count that were first met in the last part of it; inputs of a batch have parents in common, so a fault is met once a
batch. Both keep the promise of the interval in simulated campaigns that drift: `scripts/bench until`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct, field

WINDOW = 8
"""The last of so many equal parts is looked at. In half of a campaign that drifts the interval holds in 20 to 80 % of
runs, in a quarter in 70 to 90, in an eighth in 83 to 98, where 90 are promised; less leaves too few faults."""

CONFIDENCE = 0.9
_Z = 1.6448536269514722
"""Of the interval, and the normal quantile that leaves 5 % on each side."""

LEAST_BATCHES = 8
"""In the window: from fewer no change within it would be seen."""

SURE = 0.05
"""Faults met once lie evenly over the window unless what is found changes; below it the figure is not told."""

MOST = 50_000
"""Kinds of faults that are remembered: some 3 MB of figures. Who finds more has no rare faults but too fine a key."""


class Discoveries(Struct):
    """What a campaign has met. found: kind -> [inputs before the batch that met it first, batches that met it].

    inputs, batches: that ran. more: kinds beyond `MOST`, of which nothing is known.
    """

    inputs: int = 0
    batches: int = 0
    found: dict[str, list[int]] = field(default_factory=dict)
    more: int = 0

    def batch(self, inputs: int, kinds: Sequence[str]) -> None:
        """Count a batch that ran. kinds: of its failures, each once."""
        for kind in kinds:
            if (known := self.found.get(kind)) is not None:
                known[1] += 1
            elif len(self.found) < MOST:
                self.found[kind] = [self.inputs, 1]
            else:
                self.more += 1
        self.inputs += inputs
        self.batches += 1


def following(before: Discoveries, after: Discoveries) -> Discoveries:
    """One after the other, in the same campaign."""
    found = {kind: list(one) for kind, one in before.found.items()}
    more = before.more + after.more
    for kind, (first, batches) in after.found.items():
        if kind in found:
            found[kind][1] += batches
        elif len(found) < MOST:
            found[kind] = [before.inputs + first, batches]
        else:
            more += 1
    return Discoveries(before.inputs + after.inputs, before.batches + after.batches, found, more)


def beside(parts: Sequence[Discoveries]) -> Discoveries:
    """At the same time, each at its own speed: places are shares of what each has run."""
    inputs = sum(part.inputs for part in parts)
    found: dict[str, list[int]] = {}
    more = sum(part.more for part in parts)
    for part in parts:
        stretch = inputs / max(1, part.inputs)
        for kind, (first, batches) in part.found.items():
            place = int(first * stretch)
            if (known := found.get(kind)) is not None:
                known[0], known[1] = min(known[0], place), known[1] + batches
            elif len(found) < MOST:
                found[kind] = [place, batches]
            else:
                more += 1
    return Discoveries(inputs, sum(part.batches for part in parts), found, more)


@dataclass(frozen=True, slots=True)
class NewFaults:
    """New faults an input, from now on: share, and its interval of `CONFIDENCE`. unknown: why none is told, or ""."""

    share: float = 0.0
    low: float = 0.0
    high: float = 1.0
    unknown: str = ""

    def text(self) -> str:
        """ "1 new fault in about 1,200 inputs (700 to 2,500)"."""
        if self.unknown:
            return f"not known yet: {self.unknown}"
        if self.share <= 0:
            return f"less than 1 new fault in {_inputs(self.high)} inputs"
        most = f"{_inputs(self.low)}" if self.low > 0 else "any number of"
        return f"1 new fault in about {_inputs(self.share)} inputs ({_inputs(self.high)} to {most})"


def new_faults(met: Discoveries) -> NewFaults:
    """From what was first met in the last part of the campaign, once or twice.

    With f1 and f2 of these in W inputs, f1 / W is the estimate, and f1 + 2 f2 the variance of its difference from the
    truth, in both of which each fault has its say (Esty, Annals of Statistics 1983, for one sample of fixed size). The
    interval is that of a count with so much variance (gamma, Jeffreys' prior), which few faults do not mislead.
    """
    if met.more:
        return NewFaults(unknown=f"more than {MOST:,} kinds of failures: what tells them apart is too fine")
    if met.batches < WINDOW * LEAST_BATCHES:
        return NewFaults(unknown=f"{WINDOW * LEAST_BATCHES} batches are needed, {met.batches} ran")
    begin = met.inputs - met.inputs // WINDOW
    window = met.inputs - begin
    once = [first for first, batches in met.found.values() if batches == 1 and first >= begin]
    twice = sum(1 for first, batches in met.found.values() if batches == 2 and first >= begin)
    late = sum(1 for first in once if first >= begin + window / 2)
    if _two_sided(late, len(once)) < SURE:
        which = "more" if late > len(once) / 2 else "fewer"
        return NewFaults(unknown=f"{which} new faults are found by now than a little before")
    count = len(once)
    scatter = max(1.0, (count + 2 * twice) / count) if count else max(1.0, 2.0 * twice)
    shape = count / scatter + 0.5
    low = scatter * _gamma(shape, -_Z) / window if count else 0.0
    return NewFaults(count / window, low, min(1.0, scatter * _gamma(shape, _Z) / window))


def _gamma(shape: float, z: float) -> float:
    """A quantile of the gamma distribution, by the normal one. Source: Wilson and Hilferty, PNAS 1931."""
    root = 1 - 1 / (9 * shape) + z / (3 * math.sqrt(shape))
    return shape * root**3 if root > 0 else 0.0


def _two_sided(late: int, count: int) -> float:
    """p-value that each of `count` is as likely late as early."""
    if not count:
        return 1.0
    few = min(late, count - late)
    if count > 500:
        return math.erfc(max(0.0, abs(late - count / 2) - 0.5) / math.sqrt(count / 2))
    return min(1.0, 2 * sum(math.comb(count, at) for at in range(few + 1)) / 2.0**count)


def _inputs(share: float) -> str:
    """Inputs for one, two digits."""
    number = 1 / share
    digits = max(0, math.floor(math.log10(number)) - 1)
    return f"{round(number, -digits):,.0f}"
