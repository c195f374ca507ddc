"""Findings of the code side run again: by the runner that has found them, as users run the code."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.failure.sandbox_refusal import SHOWN, Deed, gather, sentence
from mlfuzz.codefuzz.triage.finding_builder import as_recorded
from mlfuzz.codefuzz.triage.sessions import Sessions
from mlfuzz.errors import ReplayError
from mlfuzz.findings.finding import Finding, Run


@dataclass(frozen=True, slots=True)
class Again:
    """failed of times runs failed. now: what it does now. other: how that differs from what is recorded.

    drifted: what has changed besides the code under test.
    """

    failed: int
    times: int
    now: Run
    other: str = ""
    drifted: str = ""

    @property
    def state(self) -> Literal["fixed", "fails", "flaky"]:
        return "fails" if self.failed == self.times else "flaky" if self.failed else "fixed"


class Replay:
    """Keeps the process of each harness that has been asked for. A context manager. project: its folder.

    sandbox, allow: in place of, and beside, what each harness declares.
    """

    def __init__(
        self, project: Path, *, natives: Path | None = None, sandbox: str = "", allow: Sequence[str] = ()
    ) -> None:
        self._sessions = Sessions(project, instrument=False, natives=natives, sandbox=sandbox, allow=allow)

    def prepare(self, finding: Finding, *, target: str = "") -> None:
        """Import its harness now. Raises ReplayError, TargetLoadError."""
        self._sessions.of(finding, target=target)

    def run(self, finding: Finding, payload: bytes, *, times: int, target: str = "") -> Again:
        """Run the input `times` times, each in a fork of its own. target: another harness, by name or file.

        Raises ReplayError where its harness or lane is not here, or where the sandbox leaves no verdict;
        TargetLoadError where it does not import.
        """
        session = self._sessions.of(finding, target=target)
        outcomes = session.reproduce(payload, times=times, kind=finding.kind)
        failing = [one for one in outcomes if one.failed]
        if not failing and (reason := unjudged(outcomes, session.declaration.name, session.project)):
            raise ReplayError(reason)
        last = (failing or outcomes)[-1]
        scores = {"seconds": round(last.seconds, 4)} if last.seconds == last.seconds else {}
        now = Run(label=(last.type or last.kind) if last.failed else last.kind, text=text_of(outcomes), scores=scores)
        changed = "" if target else drifted(finding, Path(session.declaration.path))
        return Again(len(failing), len(outcomes), now, _other(finding, failing) or _aside(outcomes), changed)

    def close(self) -> None:
        self._sessions.close()

    def __enter__(self) -> Replay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def unjudged(outcomes: Sequence[Outcome], harness: str, project: str) -> str:
    """Why runs that do not fail say nothing, with the line that allows it; "" where they do: what was refused and could
    not be done in a throw-away copy may be what it took to fail.
    """
    refusals = [
        one
        for outcome in outcomes
        if not (outcome.ran_through if outcome.kind == "barred" else all(each.pretended for each in outcome.refusals))
        for one in outcome.refusals
    ]
    if not refusals:
        return ""
    gathered: dict[Deed, list[str]] = {}
    gather(gathered, refusals)
    refused = sentence(gathered, harness, project).removeprefix("mlfuzz's ")
    return f"not judged: the {refused}"


def drifted(finding: Finding, harness: Path) -> str:
    """A note where the harness is not the file that the finding was made with."""
    digest = str(finding.evidence.get("harness_sha256", ""))
    try:
        same = not digest or hashlib.sha256(harness.read_bytes()).hexdigest() == digest
    except OSError:
        return ""
    return "" if same else "the harness has changed since"


def text_of(outcomes: Sequence[Outcome]) -> str:
    """ "ValueError: day is out of range at wave.py:120:read", of the last failure; "ok" or "refused" else."""
    failing = [one for one in outcomes if one.failed]
    last = (failing or list(outcomes))[-1]
    if not last.failed:
        if last.kind == "barred":
            return "ok, in a throw-away copy of what the sandbox refuses"
        return f"refused: {last.type}" if last.kind == "refused" else last.kind
    where = f" at {last.frames[-1]}" if last.frames else ""
    message = f": {last.message[:120]}" if last.message else ""
    return f"{last.type or last.kind}{message}{where}"


def _aside(outcomes: Sequence[Outcome]) -> str:
    """What runs that do not fail were refused, where they were judged nevertheless."""
    refused = dict.fromkeys(one.text for outcome in outcomes for one in outcome.refusals if not outcome.failed)
    return f"the sandbox refuses {', '.join(list(refused)[:SHOWN])}; judged in a throw-away copy" if refused else ""


def _other(finding: Finding, failing: Sequence[Outcome]) -> str:
    """How it fails now, where no run fails as recorded, or where it is told by another word."""
    if not failing:
        return ""
    same = [one for one in failing if as_recorded(finding, one)]
    if not same:
        return f"fails otherwise now: {text_of(failing)}"
    renamed = same[-1].kind if not any(one.kind == finding.kind for one in same) else ""
    return f"recorded as {finding.kind}, told as {renamed} now" if renamed else ""
