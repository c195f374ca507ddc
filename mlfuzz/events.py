"""What a campaign of either side says while it runs, and how machines read it (`--json`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import Fault
from mlfuzz.progress import Progress, Stats
from mlfuzz.stop_reason import Stop, StopReason


@dataclass(frozen=True, slots=True)
class Started:
    """Workers are being started. target: "module:attribute", or the names of harnesses. directory: the campaign's."""

    target: str
    campaign: str
    directory: str
    harnesses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preparing:
    """The first batch is yet to come. doing: what the first worker is at, in words."""

    doing: str


@dataclass(frozen=True, slots=True)
class SeedsReady:
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
    """A progress record, counts of findings by their state, and the figures of each harness by its name."""

    progress: Progress
    findings: Mapping[str, int] = field(default_factory=dict)
    harnesses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


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
    """A confirmed finding is as simple as it gets, as it was where nothing simpler fails, and its fault has a name."""

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
class Awaiting:
    """The end was asked for a while ago. doing: what it waits for, in words."""

    doing: str


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """How a campaign ended. exit_code: as documented for the command line.

    known: ids of findings that are not new: of faults that the corpus keeps, or that the campaign had before.
    broken: harness -> why it could not be fuzzed. deaths: how workers died. unexplained: the same of those that there
    was no time to look into. damage: records of the campaign that could not be read, by kind; {} where there are none.
    """

    exit_code: int
    stop: Stop
    stats: Stats
    faults: tuple[Fault, ...]
    findings: tuple[Finding, ...]
    known: frozenset[str] = frozenset()
    broken: Mapping[str, str] = field(default_factory=dict)
    deaths: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()
    damage: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event."""

    result: CampaignResult


Event: TypeAlias = (
    Started | Preparing | SeedsReady | Broken | Tick | NewFinding | Confirmed | Shrunk | WorkerDied | Warned | Ending
    | Awaiting | Ended
)  # fmt: skip

_NAMES: Mapping[type, str] = {
    Started: "started", Preparing: "preparing", SeedsReady: "ready", Broken: "broken", NewFinding: "saved",
    Confirmed: "verdict", Shrunk: "shrunk", WorkerDied: "died", Warned: "warning",
    Awaiting: "awaiting",
}  # fmt: skip


def records_of(event: Event) -> list[dict[str, Any]]:
    """Its lines of `--json`: one, and of a harness's shrunk finding the verdict once more, which used to say both."""
    match event:
        case Tick(progress=progress, findings=findings, harnesses=harnesses):
            rows = {name: dict(row) for name, row in harnesses.items()}
            counts = {"findings": dict(findings), "harnesses": rows}
            return [{"event": "progress", **counts, **msgspec.to_builtins(progress)}]
        case Ending(how=how):
            return [{"event": "ending", "how": str(Stop(how))}]
        case Ended(result=result):
            return [{
                "event": "ended", "exit_code": result.exit_code, "reason": str(result.stop),
                "time": dict(result.stats.shares), "unexplained": list(result.unexplained),
            }]  # fmt: skip
        case Shrunk(finding=finding) if finding.side == "code":
            fields = msgspec.to_builtins(event)
            return [{"event": "verdict", **fields}, {"event": "shrunk", **fields}]
        case _:
            return [{"event": _NAMES[type(event)], **msgspec.to_builtins(event)}]
