"""The text of a test that fails: expected and got with scores, the change in words, the file, the command."""

from __future__ import annotations

import os
from pathlib import Path

from mlfuzz.findings.finding import SHORT_ID, Finding, Run
from mlfuzz.regressions.kept import KeptFinding
from mlfuzz.regressions.outcome import RegressionVerdict
from mlfuzz.report.visible import visible

WIDTH = 300
"""Of one value: a text input may be long."""

ERROR_WIDTH = 1000
"""Of an error: what to do stands at its end."""


def failure_text(kept: KeptFinding, verdict: RegressionVerdict) -> str:
    """For people. Texts from records and targets are quoted, so that none of them can steer a terminal."""
    if kept.finding is None:
        return _lines(verdict.message or kept.problem, [("file", _shown(kept.path))])
    finding = kept.finding
    facts = [
        ("change", _plain(finding.sentence or "unchanged seed")),
        ("file", _shown(kept.path.with_name(finding.input.file))),
        ("replay", f"mlfuzz replay {finding.id[:SHORT_ID]}"),
        ("fault", _plain(finding.fault)),
    ]
    if verdict.state == "error":
        return _lines(_plain(verdict.message, width=ERROR_WIDTH), facts)
    if finding.triage == "fixed":
        facts.append(("note", f"marked as fixed{f': {_plain(finding.note)}' if finding.note else ''}; it fails again"))
    elif finding.note:
        facts.append(("note", _plain(finding.note)))
    if verdict.state == "flaky":
        facts.append(("flaky", f"failed {verdict.failed} of {verdict.times} times"))
    if finding.message:
        facts.append(("message", _plain(finding.message)))
    return _lines(f"expected {_expected(finding)}  got {_got(finding, verdict)}", facts)


def _expected(finding: Finding) -> str:
    before = _score(finding.before, finding.expected)
    origin = f"as for {_plain(finding.seed_name)}" if finding.seed_name else ""
    details = ", ".join(part for part in (origin, before) if part)
    return f"{_quoted(finding.expected)}{f' ({details})' if details else ''}"


def _got(finding: Finding, verdict: RegressionVerdict) -> str:
    after = verdict.after
    label = (after.label or after.text) if after is not None else finding.observed
    parts = [_score(after, label)]
    if verdict.margin is not None:
        parts.append(f"margin {verdict.margin:.3g} {finding.unit}".rstrip())
    details = ", ".join(part for part in parts if part)
    return f"{_quoted(label)}{f' ({details})' if details else ''}"


def _score(run: Run | None, label: str) -> str:
    return f"{run.scores[label]:.3g}" if run is not None and label in run.scores else ""


def _lines(first: str, facts: list[tuple[str, str]]) -> str:
    text = "\n".join([first, *(f"{what:<8} {text}" for what, text in facts if text)])
    return visible(text, keep="\n")


def _quoted(text: str, *, width: int = WIDTH) -> str:
    return repr(text if len(text) <= width else f"{text[: width - 3]}...")


def _plain(text: str, *, width: int = WIDTH) -> str:
    """On one line, with escapes for what a terminal would obey or a reader not see."""
    return _quoted(text, width=width)[1:-1]


def _shown(path: Path) -> str:
    return os.path.relpath(path) if path.is_absolute() else str(path)
