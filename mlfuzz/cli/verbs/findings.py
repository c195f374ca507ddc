"""`mlfuzz findings`: `list` and `show` are here."""

from __future__ import annotations

import shlex
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.finding_selection import Cases, by_id
from mlfuzz.cli.terminal import code_finding, findings_table
from mlfuzz.cli.terminal.damage import tell_damage, worst
from mlfuzz.cli.terminal.findings_table import Order, View
from mlfuzz.errors import EXIT_CLEAN
from mlfuzz.findings.finding import SEVERITY_UNIT, SHORT_ID, Finding, Run
from mlfuzz.findings.labels import first_looked_at, label_word, may_be_none, opinion_of
from mlfuzz.integrity.inspect import inspect
from mlfuzz.replay import Case
from mlfuzz.report.numbers import figure
from mlfuzz.report.visible import visible

app = App(name="findings", help="List, show, keep and export findings.", help_format="plaintext")
app.command(
    "mlfuzz.cli.verbs.confirm:confirm", name="confirm", help="Run candidates again, each alone, and shrink them."
)
app.command("mlfuzz.cli.verbs.promote:promote", name="promote", help="Keep findings in the corpus, for pytest.")
app.command("mlfuzz.cli.verbs.imports:imported", name="import", help="Take over what other fuzzers have found.")
app.command("mlfuzz.cli.verbs.export:export", name="export", help="Write findings as a zip, folders or a training set.")


@app.command(name="list")
def listed(
    *,
    by: View | None = None,
    sort: Order = "severity",
    name: str = "",
    oracle: str = "",
    verdict: str = "",
    real: Annotated[bool, Parameter(negative="")] = False,
    all: Annotated[bool, Parameter(name=["--all", "-a"], negative="")] = False,
    dir: str = "",
    context: Here,
) -> int:
    """List what is wrong: a line for each weakness, that is for the operators that move the model the same way.

    Confirmed findings only, unless told otherwise. --by fault lists the faults of each weakness, -a every finding.
    Exit code 3 where a record, or what else a campaign has kept, is damaged.

    Args:
        by: weakness (the default), fault (expected, got and operator: the most telling finding of each), or finding.
        sort: severity (how far the answer moves for how small a change), margin, inputs, or new (the latest first).
        name: Of one campaign; of all by default.
        oracle: Only those of this oracle.
        verdict: Only these: candidate, confirmed, flaky.
        real: Without those that may have lost their label; the others are counted. mlfuzz review decides about them.
        all: Every finding, not only the confirmed.
        dir: Where campaigns lie, instead of the configured folder.
    """
    project = Cases(context, folder=dir)
    cases = project.pick((), campaign=name)
    every = [one.finding for one in by_id(cases).values() if oracle in ("", one.finding.kind)]
    wanted = verdict or ("" if all else "confirmed")
    findings = [one for one in every if wanted in ("", one.verdict)]
    doubtful = [one for one in findings if may_be_none(one)]
    if real:
        findings = [one for one in findings if not may_be_none(one)]
    terminal = context.terminal
    view = by or ("finding" if all else "weakness")
    if terminal.json:
        terminal.emit(findings_table.document(findings, by or "finding", sort))
        return _damage(context, project, dir)
    if findings:
        heads, rows, titles = findings_table.table(findings, view, sort)
        terminal.table(heads, rows, titles=titles)
    there = f" --dir {shlex.quote(dir)}" if dir else ""
    for line in findings_table.closing(every, findings, wanted, view, f"{f' --name {name}' if name else ''}{there}"):
        terminal.result((line, "dim"))
    options = f"{f' --name {name}' if name else ''}{there}"
    if doubtful and real:
        terminal.result((f"{len(doubtful)} left out that may have lost their label: mlfuzz review{options}", "dim"))
    elif said := first_looked_at(findings):
        terminal.result((f"{said}: mlfuzz review{options}", "dim"))
    return _damage(context, project, dir)


def _damage(context: Context, project: Cases, folder: str) -> int:
    """Say what of the campaigns is damaged; the exit code."""
    codes = [tell_damage(context.terminal, inspect(one), folder=folder) for one in project.campaigns.values()]
    return worst(project.exit_code(EXIT_CLEAN), *codes)


@app.command
def show(id: str, /, *, dir: str = "", context: Here) -> int:
    """Show all that is known of a finding.

    Args:
        id: Its id, or the beginning of it; or its file.
        dir: Where campaigns lie, instead of the configured folder.
    """
    project = Cases(context, folder=dir)
    (case,) = project.pick([id])[:1]
    context.terminal.emit(msgspec.to_builtins(case.finding))
    if not context.terminal.json:
        _show(context, case, folder=dir)
    return EXIT_CLEAN


def _label(finding: Finding) -> str:
    """ "kept, 97% sure: 97% of inputs keep their label through such a chain"."""
    opinion = opinion_of(finding)
    if opinion is None:
        return ""
    word = {"?": "nothing can be said"}.get(label_word(finding), label_word(finding))
    return f"{word}{f', {opinion.sure:.0%} sure' if opinion.sure is not None else ''}: {opinion}"


def _show(context: Context, case: Case, *, folder: str) -> None:
    one, terminal = case.finding, context.terminal
    there = f" --dir {shlex.quote(folder)}" if folder else ""
    if one.side == "code":
        code_finding.show(terminal, case)
        terminal.result((f"  {'replay':<14}", "dim"), f"mlfuzz replay {one.id[:SHORT_ID]}{there}")
        return
    terminal.result((f"{one.kind} ", "bold"), f"{visible(one.expected)} -> {visible(one.observed)}")
    here = case.path if case.path.is_dir() else case.path.parent
    facts = {
        "id": one.id,
        "target": f"{one.target}  {one.load}",
        "change": one.sentence or "unchanged seed",
        "as found": f"{len(one.first_chain)} mutations" if len(one.first_chain) > len(one.chain) else "",
        "trimmed": f"{one.trimmed.sentence}: {here / one.trimmed.file.file}" if one.trimmed else "",
        "seed": f"{one.seed_name}{f'  label {one.label}' if one.label else ''}",
        "before": _run(one.before),
        "after": _run(one.after),
        "margin": f"{figure(one.margin)} {one.unit}, counts from {figure(one.floor)}" if one.margin is not None else "",
        "message": one.message,
        "severity": f"{figure(one.severity)} {SEVERITY_UNIT}" if one.severity is not None else "",
        "verdict": f"{one.verdict} {one.confirmed}",
        "label": _label(one),
        "triage": f"{one.triage}{f': {one.note}' if one.note else ''}",
        "fault": one.fault,
        "file": str(here / one.input.file),
        "found": f"{one.created} in {one.campaign}, batch {one.batch}",
        "made with": ", ".join(f"{key} {value}" for key, value in one.environment.items()),
    }
    for what, text in facts.items():
        if text.strip():
            terminal.result((f"  {what:<10}", "dim"), visible(text, limit=600))
    for line in str(one.evidence.get("traceback", "")).splitlines():
        terminal.result(f"    {visible(line)}")
    terminal.result((f"  {'replay':<10}", "dim"), f"mlfuzz replay {one.id[:SHORT_ID]}{there}")


def _run(run: Run | None) -> str:
    if run is None:
        return ""
    scores = ", ".join(f"{label} {figure(score)}" for label, score in list(run.scores.items())[:5])
    return f"{run.label or run.text}{f'  ({scores})' if scores else ''}"
