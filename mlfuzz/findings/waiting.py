"""Candidates that wait to be confirmed: breadth first, since a person wants to see each way of failing once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from mlfuzz.findings.finding import Finding


class Waiting:
    """A queue. Next comes the candidate whose key has been handed out least, then whose operator; the best margin."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._waiting: dict[str, Finding] = {}
        self._keys: Counter[str] = Counter()
        self._operators: Counter[str] = Counter()
        for finding in findings:
            self.add(finding)

    def add(self, finding: Finding) -> None:
        """A candidate waits; one that has its verdict takes its key's and its operator's turn."""
        if finding.verdict == "candidate":
            self._waiting[finding.id] = finding
        else:
            self._count(finding)

    def take(self) -> Finding | None:
        """The next one, which then waits no more."""
        if not self._waiting:
            return None
        finding = min(self._waiting.values(), key=self._rank)
        del self._waiting[finding.id]
        self._count(finding)
        return finding

    @property
    def fresh(self) -> bool:
        """Whether the next one is the first of its key."""
        return bool(self._waiting) and min(self._keys[finding.key] for finding in self._waiting.values()) == 0

    def __len__(self) -> int:
        return len(self._waiting)

    def _count(self, finding: Finding) -> None:
        self._keys[finding.key] += 1
        self._operators[_operator(finding)] += 1

    def _rank(self, finding: Finding) -> tuple[int, int, float, int, str]:
        return (
            self._keys[finding.key], self._operators[_operator(finding)], -(finding.margin or 0.0),
            len(finding.first_chain), finding.id,
        )  # fmt: skip


def _operator(finding: Finding) -> str:
    return finding.first_chain[-1].name if finding.first_chain else ""
