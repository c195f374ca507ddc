"""What a campaign in the calling process leaves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import get_args

from mlfuzz.findings.finding import Finding, Verdict
from mlfuzz.findings.fingerprint import Fault
from mlfuzz.progress import Stats
from mlfuzz.stop_reason import Stop


@dataclass(frozen=True, slots=True)
class Result:
    """What a run left: why it ended, its figures, and its faults (each with its findings)."""

    stop: Stop
    stats: Stats
    faults: tuple[Fault, ...]

    @property
    def reason(self) -> str:
        """Why it ended, in words."""
        return str(self.stop)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of all faults."""
        return tuple(finding for fault in self.faults for finding in fault.members)

    def __repr__(self) -> str:
        """What a notebook shows: all findings in full are a million characters.

        "<Result: 20000 inputs, 24 faults; findings: 421 candidate, 12 confirmed, 0 flaky; 20000 inputs ran>"
        """
        verdicts: Counter[str] = Counter()
        for fault in self.faults:
            verdicts.update(fault.verdicts)
        each = ", ".join(f"{verdicts[name]} {name}" for name in get_args(Verdict))
        done = f"{self.stats.inputs} inputs, {len(self.faults)} faults"
        return f"<Result: {done}; findings: {each}; {self.reason}>"
