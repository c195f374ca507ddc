"""The ways to a failure that its record keeps: up to five, each with its words, a count and an example input.

In evidence: "paths" holds those, the commonest first where they are shown; "path_keys" those after them, by key alone;
"seen" and "variants" how often the bucket was seen, and in how many types and messages; all at least.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mlfuzz.codefuzz.failure.call_path import CallPath, path_of
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.findings.finding import FileRef, Finding

MOST = 5
"""Ways that are kept with an input; more of them nobody reads."""

MOST_KEYS = 64
"""Ways that are known again without one. After these no way is new any more."""

MOST_MESSAGES = 4
"""Of one way; where there are more, its text is the input's, and counts as one."""

ANY = "..."
"""Stands for the messages after those."""


class KeptPath(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """callers: "acme.py:record", nearest first. sha256: of its example among the record's files, "" for its input."""

    key: str
    callers: tuple[str, ...] = ()
    message: str = ""
    origin: str = ""
    count: int = 1
    sha256: str = ""


@dataclass(slots=True)
class PathTally:
    """Of one bucket. files: examples that are not stored yet. changed: whether the record is behind."""

    paths: dict[str, KeptPath] = field(default_factory=dict)
    more: dict[str, None] = field(default_factory=dict)
    seen: int = 0
    variants: int = 1
    files: dict[str, bytes] = field(default_factory=dict)
    changed: bool = False

    @classmethod
    def of(cls, finding: Finding) -> PathTally:
        """As a record has it."""
        paths, evidence = paths_of(finding), finding.evidence
        more = evidence.get("path_keys")
        return cls(
            {one.key: one for one in paths}, dict.fromkeys(map(str, more if isinstance(more, list) else ())),
            _whole(evidence.get("seen"), sum(one.count for one in paths)), _whole(evidence.get("variants"), 1),
        )  # fmt: skip

    def note(self, outcome: Outcome, payload: bytes) -> str:
        """Another failure of the bucket. The key of its way where that is new, else ""."""
        path = self._path(outcome)
        self.seen += outcome.times
        self.variants = max(self.variants, outcome.variants)
        self.changed = True
        if known := self.paths.get(path.key):
            self.paths[path.key] = msgspec.structs.replace(known, count=known.count + outcome.times)
            return ""
        if path.key in self.more or len(self.paths) + len(self.more) >= MOST_KEYS:
            return ""
        if len(self.paths) >= MOST:
            self.more[path.key] = None
            return path.key
        digest = hashlib.sha256(payload).hexdigest() if self.paths else ""
        self.paths[path.key] = _kept(path, outcome.times, digest)
        if digest:
            self.files[digest] = payload
        return path.key

    def evidence(self) -> dict[str, Any]:
        """What the record holds of it."""
        held = {
            "paths": [msgspec.to_builtins(one) for one in self.paths.values()], "path_keys": list(self.more),
            "seen": self.seen, "variants": self.variants,
        }  # fmt: skip
        return {name: value for name, value in held.items() if value}

    def _path(self, outcome: Outcome) -> CallPath:
        path = path_of(outcome.frames, outcome.message, outcome.origin)
        if path.key in self.paths or path.key in self.more:
            return path
        alike = [one for one in self.paths.values() if (one.callers, one.origin) == (path.callers, path.origin)]
        return CallPath(path.callers, ANY, path.origin) if len(alike) >= MOST_MESSAGES else path


def first_of(outcome: Outcome) -> dict[str, Any]:
    """What a new record holds of its one way."""
    tally = PathTally()
    tally.note(outcome, b"")
    return tally.evidence()


def paths_of(finding: Finding) -> list[KeptPath]:
    """The ways that a record keeps; of one from before there were any, its own."""
    recorded = finding.evidence.get("paths")
    try:
        return msgspec.convert(recorded, list[KeptPath]) if recorded else [_own(finding)]
    except msgspec.ValidationError:  # edited by hand: the record itself is good
        return [_own(finding)]


def way_of(finding: Finding) -> str:
    """The key of the way by which its first input went."""
    return next((one.key for one in paths_of(finding) if not one.sha256), "")


def known_ways(findings: Iterable[Finding]) -> Mapping[tuple[str, str], frozenset[str]]:
    """All keys of ways that findings keep, by target and fault."""
    ways: dict[tuple[str, str], set[str]] = {}
    for finding in findings:
        tally = PathTally.of(finding)
        ways.setdefault((finding.target, finding.fault), set()).update(tally.paths, tally.more)
    return {key: frozenset(found) for key, found in ways.items()}


def reference(digest: str, suffix: str) -> FileRef:
    """How an example lies beside the record."""
    return FileRef(f"path-{digest[:12]}{suffix}", digest)


def _own(finding: Finding) -> KeptPath:
    evidence = finding.evidence
    frames = evidence.get("frames")
    path = path_of(
        [str(one) for one in frames] if isinstance(frames, list | tuple) else [], finding.message,
        str(evidence.get("origin", "")),
    )  # fmt: skip
    return _kept(path, 1, "")


def _kept(path: CallPath, count: int, digest: str) -> KeptPath:
    return KeptPath(
        key=path.key, callers=path.callers, message=path.message, origin=path.origin, count=count, sha256=digest
    )


def _whole(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise
