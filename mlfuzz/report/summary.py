"""What a campaign's directory says, ready to be shown: faults, best first, and all that was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlfuzz.errors import CorruptRecordError, SchemaError, StorageError
from mlfuzz.findings.finding import FileRef, Finding, loads
from mlfuzz.progress import Progress, Stats, read_progress, read_stats
from mlfuzz.storage.durable import read_regular
from mlfuzz.storage.workdir import Workdir

Read = Callable[[Finding, FileRef], bytes]


@dataclass(frozen=True, slots=True)
class FaultGroup:
    """Findings with one cause. members: the most telling first; there is at least one."""

    key: str
    members: tuple[Finding, ...]

    @property
    def best(self) -> Finding:
        return self.members[0]

    @property
    def title(self) -> str:
        """ "label: 7 -> 1", "exception: ValueError"."""
        best = self.best
        if best.expected and best.observed and best.kind not in CRASH_KINDS:
            return f"{best.kind}: {best.expected} → {best.observed}"
        return f"{best.kind}: {best.observed or best.message or best.sentence}"

    @property
    def operator(self) -> str:
        """The operator that does most of it: the last of the shortest chain."""
        chain = self.best.chain
        return chain[-1].name if chain else ""


CRASH_KINDS = frozenset({"exception", "crash", "exit", "hang", "memory"})


@dataclass(frozen=True, slots=True)
class Summary:
    """Of one campaign. candidates: saved, not yet confirmed. set_aside: ignored or quarantined by triage."""

    root: Path
    stats: Stats
    progress: tuple[Progress, ...] = ()
    faults: tuple[FaultGroup, ...] = ()
    candidates: tuple[Finding, ...] = ()
    flaky: tuple[Finding, ...] = ()
    set_aside: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
    read: Read = field(default=lambda finding, ref: b"")

    @property
    def confirmed(self) -> int:
        """Inputs that failed again alone."""
        return sum(len(fault.members) for fault in self.faults)

    @property
    def inputs_per_s(self) -> float:
        return self.stats.inputs / self.stats.seconds if self.stats.seconds else 0.0

    @property
    def verdict(self) -> str:
        """ "broken" (nothing ran), "faults", "candidates" (only unconfirmed ones), "clean"."""
        if not self.stats.inputs:
            return "broken"
        return "faults" if self.faults else "candidates" if self.candidates else "clean"


def summarise(workdir: Workdir) -> Summary:
    """Read a campaign, running or ended. What is damaged becomes a warning; the rest is shown.

    Raises StorageError where there is no stats.json: the campaign has not executed anything yet.
    """
    warnings: list[str] = []
    stats = read_stats(read_regular(workdir.stats), str(workdir.stats))
    findings = _findings(workdir, warnings)
    live = [finding for finding in findings if finding.triage in ("open", "fixed")]
    return Summary(
        root=workdir.root,
        stats=stats,
        progress=_progress(workdir, warnings),
        faults=group([finding for finding in live if finding.verdict == "confirmed"]),
        candidates=tuple(finding for finding in live if finding.verdict == "candidate"),
        flaky=tuple(finding for finding in live if finding.verdict == "flaky"),
        set_aside=tuple(finding for finding in findings if finding.triage not in ("open", "fixed")),
        warnings=(*stats.warnings, *warnings),
        read=lambda finding, ref: read_regular(workdir.finding(finding.id) / ref.file),
    )


def group(findings: Sequence[Finding]) -> tuple[FaultGroup, ...]:
    """Faults, crashes first, then the most severe; within a fault the most severe finding with the shortest chain."""
    members: dict[str, list[Finding]] = {}
    for finding in findings:
        members.setdefault(finding.fault or finding.key or finding.id, []).append(finding)
    groups = [FaultGroup(key, tuple(sorted(found, key=_telling))) for key, found in members.items()]
    return tuple(sorted(groups, key=lambda fault: (fault.best.kind not in CRASH_KINDS, *_telling(fault.best))))


def _telling(finding: Finding) -> tuple[float, int, float, str]:
    severity = finding.severity if finding.severity is not None else finding.margin or 0.0
    return (not finding.shrunk, len(finding.chain), -severity, finding.id)


def _progress(workdir: Workdir, warnings: list[str]) -> tuple[Progress, ...]:
    try:
        return tuple(read_progress(read_regular(workdir.progress), str(workdir.progress)))
    except (SchemaError, StorageError) as error:
        warnings.append(f"no curves: {error}")
        return ()


def _findings(workdir: Workdir, warnings: list[str]) -> list[Finding]:
    found = []
    for folder in sorted(workdir.findings.iterdir()) if workdir.findings.is_dir() else ():
        record = folder / "finding.json"
        try:
            found.append(loads(read_regular(record), str(record)))
        except (CorruptRecordError, SchemaError, StorageError) as error:
            warnings.append(f"left out: {error}")
    return found
