"""What a campaign in the calling process leaves."""

from __future__ import annotations

from dataclasses import dataclass

from mlfuzz.findings.finding import Finding
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
