"""Findings on their way to a verdict, of both sides: which is confirmed or shrunk next, and what time that may take."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from typing import Literal, TypeAlias

from mlfuzz.events import Confirmed, Event, Shrunk, Warned
from mlfuzz.findings.finding import SHORT_ID, Finding
from mlfuzz.findings.fingerprint import ISOLATED, RESOURCES
from mlfuzz.interrupts import Interrupts

Job: TypeAlias = Literal["confirm", "shrink"]
Rank: TypeAlias = tuple[int, int, float, int, str]

SHRINK_SECONDS = 2.0
"""What making one finding simpler may take."""

MOST_SECONDS = 2.0
"""More than this of one job is the target's loading, and no job's."""

WRAP_UP_SHARE, WRAP_UP_SECONDS = 0.2, 5.0
"""After the end findings may still be confirmed and shrunk: a fifth of the time that it took, but at least 5 s, which
three runs of an input take that hangs for a second, and the start of the process that runs it."""

OVER_SHARE = 0.1
"""The same where a time was asked for: it is kept to within a tenth, or the same 5 s."""

HURRY_SECONDS = 3.0
"""The same where somebody has asked for the end, from then on."""


@dataclass(frozen=True, slots=True)
class TriageTask:
    """What to do with a finding now. seconds: that it may take, where it is shrunk."""

    finding: Finding
    job: Job
    seconds: float = SHRINK_SECONDS


class TriageQueue:
    """Of one campaign. share: of its time, that all this may take. tell: hears of each verdict.

    Each way of failing is confirmed once before any is a second time, and half of the time goes into shrinking them:
    confirming takes a few runs, shrinking hundreds, and neither may starve. What takes long at each try is shrunk last.
    """

    def __init__(self, share: float, tell: Callable[[Event], None] = lambda _: None) -> None:
        self._share, self._tell = share, tell
        self._waiting: defaultdict[str, Waiting] = defaultdict(Waiting)
        self._unshrunk: list[Finding] = []
        self._seconds: dict[Job, float] = {"confirm": 0.0, "shrink": 0.0}
        self._spent = 0.0

    def add(self, finding: Finding) -> None:
        """A candidate; or a finding with its verdict, which takes its key's turn, and may be left to shrink."""
        self._waiting[finding.target].add(finding)
        if finding.verdict != "candidate" and "shrink" not in finding.evidence:
            self._to_shrink(finding)

    @property
    def to_confirm(self) -> int:
        """How many wait for their verdict."""
        return sum(map(len, self._waiting.values()))

    def __len__(self) -> int:
        return self.to_confirm + len(self._unshrunk)

    def next(
        self, elapsed: float | None, *, targets: Collection[str] | None = None, left: float = 0.0
    ) -> TriageTask | None:
        """What to do now, and it waits no more; None where nothing waits, or the share is used up.

        elapsed: seconds of the campaign; None: no share to keep. targets: whose findings can be run now; None: all.
        left: seconds there are, all of which the last ones may take.
        """
        chosen = self._chosen(targets)
        if chosen is None:
            return None
        finding, job = chosen
        costly = job == "shrink" and finding.kind in RESOURCES
        if elapsed is not None and self._spent > self._share * elapsed + (0.0 if costly else SHRINK_SECONDS):
            return None
        if job == "shrink":
            self._unshrunk.remove(finding)
            return TriageTask(finding, job, SHRINK_SECONDS if self.to_confirm else max(SHRINK_SECONDS, left))
        self._waiting[finding.target].take()
        return TriageTask(finding, job)

    def done(self, task: TriageTask, finding: Finding, seconds: float) -> None:
        """A task came to this end and took so long."""
        self._took(task, seconds)
        if task.job == "confirm":
            self._to_shrink(finding)
        self._tell(Confirmed(finding) if task.job == "confirm" else Shrunk(finding))

    def failed(self, task: TriageTask, why: str, seconds: float) -> None:
        """It could not be run; it is not tried again in this life."""
        self._took(task, seconds)
        self._tell(Warned(f"finding {task.finding.id[:SHORT_ID]} could not be run again ({task.job}): {why}"))

    def _took(self, task: TriageTask, seconds: float) -> None:
        self._spent += seconds
        self._seconds[task.job] += min(seconds, MOST_SECONDS)

    def _to_shrink(self, finding: Finding) -> None:
        if finding.verdict == "confirmed" and not finding.shrunk and shrinkable(finding):
            self._unshrunk.append(finding)
            self._unshrunk.sort(key=lambda one: one.kind in RESOURCES)

    def _chosen(self, targets: Collection[str] | None) -> tuple[Finding, Job] | None:
        fronts = [waiting for name, waiting in self._waiting.items() if targets is None or name in targets]
        ranked = [(front.rank, front) for front in fronts if len(front)]
        first = min(ranked, key=lambda one: one[0])[1] if ranked else None
        unshrunk = next((one for one in self._unshrunk if targets is None or one.target in targets), None)
        if first is not None and (unshrunk is None or unshrunk.kind in RESOURCES or self._due(first)):
            return first.first, "confirm"
        return None if unshrunk is None else (unshrunk, "shrink")

    def _due(self, waiting: Waiting) -> bool:
        """Whether a way of failing is to be confirmed although others wait to be made simpler."""
        return waiting.fresh and self._seconds["confirm"] <= self._seconds["shrink"]


def shrinkable(finding: Finding) -> bool:
    """Whether there is something to make simpler, and the process that does it would outlive that."""
    return finding.side == "code" or (bool(finding.chain) and finding.kind not in ISOLATED)


def wrap_up_seconds(asked: float | None, spent: float) -> float:
    """What confirming and shrinking may take. asked: seconds that were asked for, or None; spent: that it took."""
    return max(WRAP_UP_SECONDS, WRAP_UP_SHARE * spent if asked is None else OVER_SHARE * asked)


class WrapUp:
    """What may still be confirmed and shrunk once a campaign is over. allowed: seconds for that."""

    def __init__(self, allowed: float, interrupts: Interrupts) -> None:
        self._interrupts, self._began = interrupts, time.monotonic()
        self._allowed = allowed

    @property
    def left(self) -> float:
        """Seconds; below 0 where it is over."""
        spent = time.monotonic() - self._began
        if self._interrupts.reason is None:
            return self._allowed - spent
        return min(self._allowed - spent, HURRY_SECONDS - self._interrupts.seconds)


class Waiting:
    """Candidates, breadth first, since a person wants to see each way of failing once.

    Next comes the one whose key has been handed out least, then whose operator; the best margin.
    """

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
        if not self._waiting:
            return None
        finding = self.first
        heappop(self._heap)
        del self._waiting[finding.id]
        self._count(finding)
        return finding

    @property
    def first(self) -> Finding:
        """The next one, which goes on waiting. Raises IndexError where none waits."""
        while True:
            rank, finding_id = self._heap[0]
            finding = self._waiting[finding_id]
            now = self._rank(finding)
            if now == rank:
                return finding
            heapreplace(self._heap, (now, finding_id))

    @property
    def rank(self) -> Rank:
        """Of the next one: the lower, the sooner its turn. Raises IndexError where none waits."""
        return self._rank(self.first)

    @property
    def fresh(self) -> bool:
        """Whether the next one is the first of its key."""
        return bool(self._waiting) and not self._keys[self.first.key]

    def __len__(self) -> int:
        return len(self._waiting)

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
