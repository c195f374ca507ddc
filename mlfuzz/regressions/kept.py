"""A regression as a test sees it: its path, and its record or why that cannot be read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlfuzz.errors import MlfuzzError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import CRASH_KINDS
from mlfuzz.findings.promote import records_in
from mlfuzz.findings.record import read_record
from mlfuzz.storage.names import folder_name

STRICT_KINDS = CRASH_KINDS
"""An exception, a crash, an exit, a hang or too much memory is no matter of taste: an open one fails too."""


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """finding: None where the record cannot be read, and `problem` says why. target: its name.

    load: "module:attribute" to be used instead of the recorded one.
    """

    path: Path
    finding: Finding | None
    problem: str = ""
    load: str = ""

    @classmethod
    def read(cls, path: Path, load: str = "") -> KeptFinding:
        """Never raises: a damaged record is a test that fails, and the others run."""
        try:
            return cls(path, read_record(path), load=load)
        except MlfuzzError as error:
            return cls(path, None, str(error))

    @property
    def id(self) -> str:
        return self.finding.id if self.finding else self.path.stem

    @property
    def target(self) -> str:
        return self.finding.target if self.finding else self.path.parent.name

    @property
    def kind(self) -> str:
        """Its oracle, or the kind of crash: the name of its test."""
        return self.finding.kind if self.finding else "unreadable"

    @property
    def strict(self) -> bool:
        """Whether it must not fail even while it is open."""
        return self.finding is None or self.finding.side == "code" or self.finding.kind in STRICT_KINDS

    @property
    def skipped(self) -> str:
        """Why it is not run at all, or ""."""
        if self.finding is None or self.finding.triage not in ("quarantined", "ignored"):
            return ""
        return f"{self.finding.triage}: {self.finding.note or 'no reason given'}"


def kept_in(folder: Path, *, load: str = "", target: str = "") -> list[KeptFinding]:
    """The regressions below a folder, by path. target: only those of it, and those that cannot be read."""
    found = [KeptFinding.read(path, load) for path in records_in(folder)]
    return [one for one in found if target in ("", one.target) or one.finding is None]


def folder_of(corpus: Path, target: str) -> Path:
    """Where a target's regressions lie."""
    return corpus / "regressions" / folder_name(target)


def sample(kept: Iterable[KeptFinding], most: int) -> list[KeptFinding]:
    """At most so many of each target: those whose ids, which are hashes, come first. The same ones each time."""
    counts: dict[str, int] = {}
    chosen = []
    for one in sorted(kept, key=lambda each: each.id):
        counts[one.target] = counts.get(one.target, 0) + 1
        if counts[one.target] <= most:
            chosen.append(one)
    return chosen
