"""What became of a regression, and what that means for a test: the outcome table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlfuzz.findings.finding import Run
from mlfuzz.regressions.kept import KeptFinding

State = Literal["fails", "holds", "flaky", "error"]
Ending = Literal["pass", "fail", "xfail", "xpass", "skip"]

KNOWN = "known finding"
"""How the reasons of findings begin that are open."""


@dataclass(frozen=True, slots=True)
class RegressionVerdict:
    """Of one regression. after: what the target says now. margin: in the oracle's unit.

    failed of times: runs of the input alone; 0 of 0 where a batch was enough to tell that it holds.
    close: it fails by no more than another build of torch or another device may shift a score.
    message: of an error.
    """

    state: State
    after: Run | None = None
    margin: float | None = None
    failed: int = 0
    times: int = 0
    close: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True)
class RegressionOutcome:
    ending: Ending
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """strict: open findings fail too. each: every finding is a test (not only counted by a gate).

    open_crashes: open crashes, exceptions and hangs are known findings like others.
    """

    strict: bool = False
    each: bool = True
    open_crashes: bool = False


def outcome(kept: KeptFinding, verdict: RegressionVerdict, rules: Rules) -> RegressionOutcome:
    """The table:

    | triage | violated now | holds now |
    |---|---|---|
    | open | xfail; of crashes, and with `strict`: fail | xpass |
    | fixed | fail | pass |
    | quarantined, ignored | skip | skip |

    What cannot be judged fails, unless it is skipped. A violation within the margin that another build may shift is an
    xfail. Where only the gate counts (`each` is False), a violation of a model's oracle is an xfail.
    """
    if kept.skipped:
        return RegressionOutcome("skip", kept.skipped)
    if verdict.state == "error" or kept.finding is None:
        return RegressionOutcome("fail", verdict.message)
    is_open = kept.finding.triage == "open"
    if verdict.state == "holds":
        return RegressionOutcome("xpass", f"{KNOWN} holds now") if is_open else RegressionOutcome("pass")
    if verdict.close:
        return RegressionOutcome("xfail", "fails within the numeric margin of another build")
    tolerated = is_open and not rules.strict and (not kept.strict or rules.open_crashes)
    if tolerated:
        return RegressionOutcome("xfail", f"{KNOWN}{_flaky(verdict)}: {_note(kept)}")
    if not rules.each and not kept.strict:
        return RegressionOutcome("xfail", f"counted by the gate: {_note(kept)}")
    return RegressionOutcome("fail")


def _note(kept: KeptFinding) -> str:
    finding = kept.finding
    assert finding is not None
    return finding.note or f"{finding.expected!r} -> {finding.observed!r}"


def _flaky(verdict: RegressionVerdict) -> str:
    return f", flaky ({verdict.failed} of {verdict.times})" if verdict.state == "flaky" else ""
