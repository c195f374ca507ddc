"""The gate of a target: the share of its regressions that may fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlfuzz.rates import wilson
from mlfuzz.regressions.kept import KeptFinding


@dataclass(frozen=True, slots=True)
class TargetGate:
    """The regressions of one target that a rate is taken of: all but skipped ones and crashes, which are strict.

    allowed: the largest share that may fail. confidence: of the interval.
    """

    target: str
    kept: tuple[KeptFinding, ...]
    allowed: float = 0.0
    confidence: float = 0.95

    @classmethod
    def over(cls, target: str, kept: Sequence[KeptFinding], *, allowed: float, confidence: float) -> TargetGate:
        """The gate over those that are neither skipped nor strict."""
        counted = tuple(one for one in kept if not one.skipped and not one.strict)
        return cls(target, counted, allowed, confidence)


@dataclass(frozen=True, slots=True)
class Measured:
    """failed of rows. sampled: whether these are a sample of the regressions, and not all of them."""

    gate: TargetGate
    failed: int
    rows: int
    sampled: bool = False

    @property
    def holds(self) -> bool:
        """Of all regressions the share itself decides; of a sample only what it proves: its interval's lower end."""
        if not self.rows:
            return True
        low, _ = wilson(self.failed, self.rows, confidence=self.gate.confidence)
        return (low if self.sampled else self.failed / self.rows) <= self.gate.allowed

    @property
    def text(self) -> str:
        """ "digits: 41 of 1204 fail = 3.4 % (95 % interval 2.5 to 4.6 %), at most 2 % may"."""
        low, high = wilson(self.failed, self.rows, confidence=self.gate.confidence)
        share = self.failed / self.rows if self.rows else 0.0
        return (
            f"{self.gate.target}: {self.failed} of {self.rows} fail = {_percent(share)} "
            f"({100 * self.gate.confidence:.3g} % interval {100 * low:.2g} to {_percent(high)}), "
            f"at most {_percent(self.gate.allowed)} may"
        )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share < 0.1 else f"{100 * share:.1f} %".replace(".0 ", " ")
