"""What a supervisor tells whoever shows it to people. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import Fault
from mlfuzz.progress import Progress, Stats
from mlfuzz.stop_reason import Stop, StopReason


@dataclass(frozen=True, slots=True)
class Started:
    """Workers are being started. target: "module:attribute". directory: the campaign's."""

    target: str
    campaign: str
    directory: str


@dataclass(frozen=True, slots=True)
class Preparing:
    """The first batch is yet to come. doing: what the first worker is at, in words."""

    doing: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A progress record, and counts of findings by their state."""

    progress: Progress
    findings: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewFinding:
    """A candidate has been saved; it is not confirmed yet."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A candidate has its verdict: confirmed or flaky."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A confirmed finding has its simplest chain, the one it had where nothing simpler fails, and its fault a name."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """how: "SIGSEGV", "exit 3", "no answer for 5.0 s". phase: what it was doing."""

    how: str
    deaths: int
    phase: str


@dataclass(frozen=True, slots=True)
class Warned:
    """text: may hold what a target said; to be made safe before it is shown."""

    text: str


@dataclass(frozen=True, slots=True)
class Ending:
    """Somebody has asked for the end: what runs is saved first."""

    how: StopReason


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a campaign ended. exit_code: as documented for the command line.

    known: ids of findings that are not new: of faults that the corpus keeps, or that the campaign had before.
    """

    exit_code: int
    stop: Stop
    stats: Stats
    faults: tuple[Fault, ...]
    findings: tuple[Finding, ...]
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event."""

    outcome: Outcome


Event: TypeAlias = Started | Preparing | Tick | NewFinding | Confirmed | Shrunk | WorkerDied | Warned | Ending | Ended
