"""What a harness needs beyond what its sandbox lets it do, as its seeds show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.failure.sandbox_refusal import Deed, gather, permissions
from mlfuzz.codefuzz.harness.engine import Session
from mlfuzz.errors import BadInputError


@dataclass(slots=True)
class Needs:
    """Of the inputs that ran: what was refused, whether anything failed of it or not; which failed of themselves.

    unjudged: those that could not be told, because of what was refused. unread: those that could not be run, with why.
    """

    refused: dict[Deed, list[str]] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    failing: list[tuple[str, Outcome]] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)

    def allow(self, project: str) -> list[str] | None:
        """What to declare for all of it; None where only a harness without the sandbox may do it."""
        return permissions(self.refused, project)


def needs_of(session: Session, files: Sequence[Path]) -> Needs:
    """Run each file alone, as a campaign's verdicts are made, and the empty input where there is none."""
    found = Needs()
    inputs: list[tuple[str, bytes]] = [] if files else [("an empty input", b"")]
    for path in files:
        try:
            inputs.append((path.name, path.read_bytes()[: session.declaration.length]))
        except OSError as error:
            found.unread.append((path.name, error.strerror or str(error)))
    for name, payload in inputs:
        try:
            (outcome,) = session.reproduce(payload, times=1)
        except BadInputError as error:
            found.unread.append((name, error.reason))
            continue
        found.ran.append(name)
        gather(found.refused, outcome.refusals)
        if outcome.failed:
            found.failing.append((name, outcome))
        elif outcome.kind == "barred":
            found.unjudged.append(name)
    return found
