"""What a code-side campaign tells whoever shows it to people. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import Fault
from mlfuzz.progress import Progress, Stats
from mlfuzz.stop_reason import Stop, StopReason


@dataclass(frozen=True, slots=True)
class Begun:
    harnesses: tuple[str, ...]
    campaign: str
    directory: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A harness has been imported and its seeds have run. notes: what of it stays without coverage, as it must.

    warnings: what may be mended.
    """

    harness: str
    seconds: float
    cached: bool
    seeds: int
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """A harness that cannot be fuzzed as it stands; the others go on."""

    harness: str
    reason: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A progress record, and the figures of each harness by its name."""

    progress: Progress
    harnesses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewFinding:
    """A candidate has been saved; it is not confirmed yet."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Settled:
    """It has run again alone, and was minimised: confirmed or flaky."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Warned:
    text: str


@dataclass(frozen=True, slots=True)
class Ending:
    """Somebody has asked for the end: what runs is saved first."""

    how: StopReason


@dataclass(frozen=True, slots=True)
class Result:
    """How a campaign ended. exit_code: as documented for the command line. broken: harness -> why."""

    exit_code: int
    stop: Stop
    stats: Stats
    faults: tuple[Fault, ...]
    findings: tuple[Finding, ...]
    broken: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    result: Result


Event: TypeAlias = Begun | Ready | Broken | Tick | NewFinding | Settled | Warned | Ending | Ended
