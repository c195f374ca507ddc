"""`mlfuzz triage`: what people decide about findings, in their campaigns and in the corpus alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mlfuzz.cli.resolve.context import Context, Here, Trusted, surroundings
from mlfuzz.cli.resolve.finding_selection import Cases
from mlfuzz.cli.resolve.targets import instead
from mlfuzz.cli.verbs.replay import MESSAGE
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_FINDINGS, UsageError
from mlfuzz.findings.finding import SHORT_ID
from mlfuzz.findings.record import RECORD
from mlfuzz.findings.triage import set_fault, triage_record
from mlfuzz.replay import Case, exit_code
from mlfuzz.report.visible import visible


def triage(
    *ids: str,
    status: str = "",
    note: str = "",
    fault: str = "",
    mark_fixed: Annotated[bool, Parameter(name="--mark-fixed", negative="")] = False,
    name: str = "",
    target: str = "",
    trust: Trusted = (),
    dir: str = "",
    context: Here,
) -> int:
    """Decide about findings: open, fixed, quarantined or ignored; or put them under another fault.

    An id means the finding in its campaign and the same one in the corpus. With --mark-fixed those that hold now become
    fixed; exit code 1 where any still fails, 3 where any cannot be run.

    Args:
        ids: Ids or their beginnings, or files. With --mark-fixed, by default all open ones in the corpus.
        status: open (a known failure), fixed (must not fail again), quarantined or ignored (not run; say why).
        note: The reason, kept with the finding.
        fault: The name of the fault they belong to: the same for several merges them, a new one splits.
        mark_fixed: Run them, and mark as fixed those that hold now.
        name: Look in this campaign only.
        target: With --mark-fixed, run them against this target instead of their own.
        dir: Where campaigns lie, instead of the configured folder.
    """
    if not (status or fault or mark_fixed or note):
        raise UsageError("say what to decide: --status open|fixed|quarantined|ignored, --note, --fault or --mark-fixed")
    if mark_fixed and status:
        raise UsageError("--mark-fixed and --status both set the status; give one of them")
    if not ids and not mark_fixed:
        raise UsageError("name the findings: mlfuzz triage ID... --status ...; mlfuzz findings list shows them")
    cases = Cases(context, folder=dir)
    picked = cases.pick(ids, campaign=name) if ids or name else [case for case in cases.all() if not case.path.is_dir()]
    if not ids:
        picked = [case for case in picked if case.finding.triage == "open"]
    code = EXIT_CLEAN
    if mark_fixed:
        picked, code = _fixed(context, picked, target, trust)
        status = "fixed"
    records = _all_records(picked, list(cases.all()))
    for case, record in records:
        if status or note:
            changed = triage_record(record, status or case.finding.triage, note)
            outcome = f"{changed.triage}{f': {changed.note}' if changed.note else ''}"
        if fault:
            changed = set_fault(record, fault)
            outcome = f"fault {changed.fault}"
        context.terminal.emit({"id": case.finding.id, "record": str(record), "triage": changed.triage})
        context.terminal.say(f"  {case.finding.id[:SHORT_ID]}  {visible(outcome)}")
    count = len({case.finding.id for case, _ in records})
    context.terminal.result(f"{count} finding{'' if count == 1 else 's'} {'marked fixed' if mark_fixed else 'changed'}")
    return cases.exit_code(code)


def _fixed(context: Context, cases: Sequence[Case], target: str, trust: Sequence[str]) -> tuple[list[Case], int]:
    """Those that hold now, and the exit code that the others ask for."""
    from mlfuzz.replay import replay as run

    found = context.resolve()
    load = instead(found, target, (case.finding for case in cases))
    results = run(cases, target=load, **surroundings(found, trust=trust, again="mlfuzz triage --mark-fixed {}"))
    for result in results:
        if result.state != "fixed":
            words = {"fails": "still fails", "flaky": f"flaky: failed {result.failed} of {result.times}"}
            context.terminal.say(
                f"  {result.finding.id[:SHORT_ID]}  {visible(words.get(result.state, result.message), limit=MESSAGE)}"
            )
    code = exit_code(results)
    return (
        [case for case, result in zip(cases, results, strict=True) if result.state == "fixed"],
        {EXIT_CLEAN: EXIT_CLEAN, EXIT_FINDINGS: EXIT_FINDINGS}.get(code, EXIT_BROKEN),
    )


def _all_records(picked: Sequence[Case], every: Sequence[Case]) -> list[tuple[Case, Path]]:
    """Each picked finding wherever it lies: in its campaign, and kept in the corpus."""
    wanted = {case.finding.id for case in picked}
    cases = {case.path.resolve(): case for case in (*picked, *(case for case in every if case.finding.id in wanted))}
    return [(case, path / RECORD if path.is_dir() else path) for path, case in cases.items()]
