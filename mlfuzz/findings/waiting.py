"""Candidates that wait to be confirmed: breadth first, since a person wants to see each way of failing once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from heapq import heappop, heappush, heapreplace
from typing import TypeAlias

from mlfuzz.findings.finding import Finding

Rank: TypeAlias = tuple[int, int, float, int, str]


class Waiting:
    """A queue. Next comes the candidate whose key has been handed out least, then whose operator; the best margin."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._waiting: dict[str, Finding] = {}
        self._keys: Counter[str] = Counter()
        self._operators: Counter[str] = Counter()
        # Ranks only ever get worse: one that is out of date is seen when it comes up, and put back.
        self._heap: list[tuple[Rank, str]] = []
        for finding in findings:
            self.add(finding)

    def add(self, finding: Finding) -> None:
        """A candidate waits; one that has its verdict takes its key's and its operator's turn."""
        if finding.verdict != "candidate":
            self._count(finding)
        elif finding.id not in self._waiting:
            self._waiting[finding.id] = finding
            heappush(self._heap, (self._rank(finding), finding.id))

    def take(self) -> Finding | None:
        """The next one, which then waits no more."""
        finding = self._first()
        if finding is not None:
            heappop(self._heap)
            del self._waiting[finding.id]
            self._count(finding)
        return finding

    @property
    def fresh(self) -> bool:
        """Whether the next one is the first of its key."""
        finding = self._first()
        return finding is not None and self._keys[finding.key] == 0

    def __len__(self) -> int:
        return len(self._waiting)

    def _first(self) -> Finding | None:
        while self._heap:
            rank, finding_id = self._heap[0]
            finding = self._waiting[finding_id]
            now = self._rank(finding)
            if now == rank:
                return finding
            heapreplace(self._heap, (now, finding_id))
        return None

    def _count(self, finding: Finding) -> None:
        self._keys[finding.key] += 1
        self._operators[_operator(finding)] += 1

    def _rank(self, finding: Finding) -> Rank:
        return (
            self._keys[finding.key], self._operators[_operator(finding)], -(finding.margin or 0.0),
            len(finding.first_chain), finding.id,
        )  # fmt: skip


def _operator(finding: Finding) -> str:
    return finding.first_chain[-1].name if finding.first_chain else ""
