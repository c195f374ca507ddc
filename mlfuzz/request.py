"""What a campaign of either side is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeAlias, TypeVar

from mlfuzz.budget import Budget
from mlfuzz.findings.finding import Finding

FailOn: TypeAlias = Literal["any", "new", "new-path", "none"]
"""new-path: as "new", and by ways to a known fault of code that are not known; of a model the same as "new"."""

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class CampaignRequest(Generic[S]):
    """What to run, and for how long. spec: what is fuzzed, and how; the rest is alike on both sides.

    workers: processes that fuzz at once on one directory; all share the budget. confirm_share: of the time, for
    confirming and shrinking. regressions: findings kept in the corpus: their faults are not new.
    """

    spec: S
    workdir: Path
    budget: Budget
    workers: int = 1
    confirm_share: float = 0.2
    fail_on: FailOn = "any"
    regressions: tuple[Finding, ...] = ()
