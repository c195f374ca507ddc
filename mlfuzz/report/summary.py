"""What a campaign's directory says, ready to be shown: faults, best first, and all that was measured."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mlfuzz.errors import StorageError
from mlfuzz.findings import fingerprint
from mlfuzz.findings.finding import FileRef, Finding
from mlfuzz.findings.fingerprint import CRASH_KINDS
from mlfuzz.findings.labels import LabelsKept, labels_kept
from mlfuzz.findings.store import Damaged, FindingStore
from mlfuzz.findings.weakness import Weakness, weaknesses
from mlfuzz.integrity.inspect import inspect
from mlfuzz.integrity.losses import Integrity
from mlfuzz.progress import Progress, Stats
from mlfuzz.report import codeside
from mlfuzz.report.numbers import counted
from mlfuzz.robustness import Robustness, loads
from mlfuzz.slices import SeedTable, Slice, find_slices
from mlfuzz.slices import loads as read_seeds
from mlfuzz.storage.derived import read_derived, stored_progress, stored_stats
from mlfuzz.storage.workdir import CAMPAIGNS, Workdir

Read = Callable[[Finding, FileRef], bytes]


@dataclass(frozen=True, slots=True)
class FaultGroup:
    """Findings with one cause. members: the most telling first; there is at least one."""

    key: str
    members: tuple[Finding, ...]

    @property
    def best(self) -> Finding:
        """The one to look at."""
        return self.members[0]

    @property
    def title(self) -> str:
        """ "label: 7 -> 1", "exception: ValueError"."""
        best = self.best
        if best.expected and best.observed and best.kind not in CRASH_KINDS:
            return f"{best.kind}: {best.expected} → {best.observed}"
        if best.side == "code":
            return codeside.title(best)
        return f"{best.kind}: {best.observed or best.message or best.sentence}"

    @property
    def operator(self) -> str:
        """The operator that does most of it, as the fault's key says, else the last of the shortest chain."""
        chain = self.best.chain
        dominant = self.key.rpartition("|")[2]
        return dominant if dominant in {step.name for step in chain} else chain[-1].name if chain else ""


@dataclass(frozen=True)
class Summary:
    """Of one campaign. candidates: saved, not yet confirmed. set_aside: ignored or quarantined by triage.

    integrity: what of the campaign's truth is damaged. robustness: how far seeds are from breaking, if measured.
    seeds: what is known of each, None of a campaign that did not keep it.
    """

    root: Path
    stats: Stats
    progress: tuple[Progress, ...] = ()
    faults: tuple[FaultGroup, ...] = ()
    candidates: tuple[Finding, ...] = ()
    flaky: tuple[Finding, ...] = ()
    set_aside: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
    integrity: Integrity = field(default_factory=lambda: Integrity(campaign=""))
    read: Read = field(default=lambda finding, ref: b"")
    robustness: Robustness | None = None
    seeds: SeedTable | None = None

    @cached_property
    def slices(self) -> tuple[list[Slice], int]:
        """Groups of seeds that fail more often than the others, and how many groups were tried."""
        return find_slices(self.seeds, self.stats.by_seed) if self.seeds else ([], 0)

    @property
    def confirmed(self) -> int:
        """Inputs that failed again alone."""
        return sum(len(fault.members) for fault in self.faults)

    @property
    def options(self) -> str:
        """What commands about this campaign need, if it does not lie where they look: " --dir /data/runs"."""
        base = self.root.resolve().parent
        return "" if base.name == CAMPAIGNS else f" --dir {shlex.quote(str(base))}"

    @cached_property
    def weaknesses(self) -> tuple[Weakness, ...]:
        """The confirmed findings once more, by what moves the model the same way."""
        return tuple(weaknesses(one for fault in self.faults for one in fault.members))

    @property
    def labels(self) -> LabelsKept:
        """Of the confirmed findings, those set aside included: how many keep their seed's label."""
        return labels_kept([*(one for fault in self.faults for one in fault.members), *self.set_aside])

    @property
    def guidance(self) -> str:
        """ "mixed (c8dfb2d0f3a1)": the preset, and the hash of all that guided; "" of what is not guided so."""
        setup = self.stats.setup
        return f"{setup['preset']} ({setup['guidance']})" if "guidance" in setup else ""

    @property
    def inputs_per_s(self) -> float:
        """Over all lives; 0 where nothing ran."""
        return self.stats.inputs / self.stats.seconds if self.stats.seconds else 0.0

    @property
    def verdict(self) -> str:
        """ "broken" (nothing ran), "faults", "candidates" (only unconfirmed ones), "unstable" (what was not found says
        nothing), "clean"."""
        if self.faults or self.candidates:
            return "faults" if self.faults else "candidates"
        if not self.stats.inputs:
            return "broken"
        return "unstable" if self.stats.unstable else "clean"


def summarise(workdir: Workdir) -> Summary:
    """Read a campaign, running or ended. What is damaged becomes a warning; the rest is shown.

    Raises StorageError where the campaign has not executed anything yet.
    """
    warnings: list[str] = []
    stats, integrity = stored_stats(workdir, warnings.append), inspect(workdir)
    store = FindingStore(workdir.findings)
    findings = _findings(store, warnings)
    if stats is None and not findings and not warnings:
        raise StorageError(f"{workdir.stats} is missing: campaign {workdir.name} has not executed anything yet")
    if not workdir.stats.exists():
        warnings.append(f"{workdir.stats} is missing: figures are as far as the last progress record tells them")
    stats = stats or Stats(campaign=workdir.name, started="")
    robustness = read_derived(workdir.robustness, loads, warnings.append)
    live = [finding for finding in findings if finding.triage in ("open", "fixed")]
    return Summary(
        root=workdir.root,
        stats=stats,
        progress=tuple(stored_progress(workdir, warnings.append)),
        faults=group([finding for finding in live if finding.verdict == "confirmed"]),
        candidates=tuple(finding for finding in live if finding.verdict == "candidate"),
        flaky=tuple(finding for finding in live if finding.verdict == "flaky"),
        set_aside=tuple(finding for finding in findings if finding.triage not in ("open", "fixed")),
        warnings=(*stats.warnings, *warnings),
        integrity=integrity,
        read=store.bytes_of,
        robustness=robustness,
        seeds=read_derived(workdir.seed_facts, read_seeds, warnings.append),
    )


def group(findings: Sequence[Finding]) -> tuple[FaultGroup, ...]:
    """Faults, crashes first, then the most severe; within a fault the shrunk, short and severe findings first."""
    groups = [
        FaultGroup(fault.key, tuple(sorted(fault.members, key=_telling))) for fault in fingerprint.group(findings)
    ]
    return tuple(sorted(groups, key=lambda fault: (fault.best.kind not in CRASH_KINDS, *_telling(fault.best))))


def headline(faults: Sequence[FaultGroup]) -> str:
    """ "3 faults (2 label, 1 crash), 5 inputs that failed again alone"."""
    kinds = Counter(fault.best.kind for fault in faults)
    parts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    inputs = counted(sum(len(fault.members) for fault in faults), "input")
    return f"{counted(len(faults), 'fault')} ({parts}), {inputs} that failed again alone"


def _telling(finding: Finding) -> tuple[float, int, float, str]:
    severity = finding.severity if finding.severity is not None else finding.margin or 0.0
    return (not finding.shrunk, len(finding.chain), -severity, finding.id)


def _findings(store: FindingStore, warnings: list[str]) -> list[Finding]:
    found = []
    for item in store.list():
        if isinstance(item, Damaged):
            warnings.append(f"left out: {item.reason}")
        else:
            found.append(item)
    return found
