"""Whether what a finding names may be imported, of either side: a harness is judged by the file that would run."""

from __future__ import annotations

from pathlib import Path

from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.errors import MlfuzzError
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.trust import Trust


def refusal(trust: Trust | None, finding: Finding, path: Path, *, target: str = "") -> str:
    """Why it is not run, and what to write; "" where it may be. Nothing is imported.

    trust: None: the finding is the caller's own. target: what was named to run in place of its own.
    """
    if trust is None or (finding.side == "code" and (target or not finding.load)):
        return ""
    if finding.side == "model":
        return trust.refusal(finding, path, target=target)
    return (
        "" if trust.trusts(finding.load) or is_ours(trust, finding.load) else trust.refuse(finding, finding.load, path)
    )


def is_ours(trust: Trust, load: str) -> bool:
    """A shipped harness, one of the project's harnesses/, or one that this user has fuzzed with here (`noted`)."""
    try:
        harness = discovery.find(load, trust.root)
    except MlfuzzError:
        return True  # there is no such file to run, as whoever runs it will say
    if trust.begun(noted(harness)):
        return True
    if not trust.own:
        return False  # what lies here would come before what a shipped harness imports
    folder = (trust.root / discovery.FOLDER).resolve()
    return harness.shipped or (trust.file is not None and harness.path.resolve().parent == folder)


def noted(harness: Harness) -> str:
    """How it is noted that this user has fuzzed with it: by its file, whatever a record calls it."""
    return str(harness.path.resolve())
