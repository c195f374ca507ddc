"""`mlfuzz review`: a person says whether failing inputs kept their labels; nothing overrules it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.finding_selection import Cases
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.errors import EXIT_CLEAN, UsageError
from mlfuzz.findings.finding import SHORT_ID, Finding
from mlfuzz.findings.labels import PERSON, opinion_of
from mlfuzz.findings.record import RECORD
from mlfuzz.findings.triage import LABELS, set_label
from mlfuzz.replay import Case
from mlfuzz.report.visible import visible

KEYS = {"k": "kept", "l": "lost", "i": "invalid"}


def review(*ids: str, label: str = "", all: bool = False, name: str = "", dir: str = "", context: Here) -> int:
    """Look at failing inputs one by one, and say whether each is still what its seed was.

    The doubtful ones first: those that nothing could judge, then those said to have lost their label, then the least
    sure. What is said is kept with the finding, in its campaign and in the corpus; no vote and no measure overrules it.

    Args:
        ids: Ids or their beginnings, or files; by default the confirmed ones that are doubtful.
        label: Say it here, of all that are named, instead of being asked: kept, lost, or invalid (no natural input).
        all: Look at those too that are said to have kept their label.
        name: Look in this campaign only.
        dir: Where campaigns lie, instead of the configured folder.
    """
    if label and label not in LABELS:
        raise UsageError(f"--label {label}: say kept, lost or invalid")
    if label and not ids:
        raise UsageError(f"name the findings: mlfuzz review ID... --label {label}; mlfuzz findings list shows them")
    cases = Cases(context, folder=dir)
    picked = cases.pick(ids, campaign=name)
    if not ids:
        picked = [one for one in picked if one.finding.side == "model" and one.finding.verdict == "confirmed"]
        picked = sorted((one for one in picked if all or _doubtful(one.finding)), key=lambda one: _order(one.finding))
    records = _records(picked, list(cases.all()))
    counts = dict.fromkeys(LABELS, 0)
    if not label and records and not sys.stdin.isatty():
        raise UsageError("review asks at a terminal; elsewhere: mlfuzz review ID... --label kept|lost|invalid")
    for number, (finding_id, (case, paths)) in enumerate(records.items(), start=1):
        said = label or _asked(context, case, f"{number} of {len(records)}")
        if said == "q":
            break
        if said == "s":
            continue
        for path in paths:
            set_label(path, said)
        counts[said] += 1
        context.terminal.emit({"id": finding_id, "label": said, "records": [str(path) for path in paths]})
    words = ", ".join(f"{count} {said}" for said, count in counts.items() if count)
    context.terminal.result(f"{sum(counts.values())} of {len(records)} decided{f': {words}' if words else ''}")
    return cases.exit_code(EXIT_CLEAN)


def _doubtful(finding: Finding) -> bool:
    opinion = opinion_of(finding)
    return opinion is None or (opinion.by != PERSON and opinion.kept is not True)


def _order(finding: Finding) -> tuple[int, float, str]:
    opinion = opinion_of(finding)
    kept = None if opinion is None else opinion.kept
    sure = 0.5 if opinion is None or opinion.sure is None else opinion.sure
    return ({None: 0, False: 1, True: 2}[kept], sure, finding.id)


def _records(picked: Sequence[Case], every: Sequence[Case]) -> dict[str, tuple[Case, list[Path]]]:
    """Each finding once, with its records: in its campaign, and kept in the corpus."""
    found: dict[str, tuple[Case, list[Path]]] = {one.finding.id: (one, []) for one in picked}
    for one in (*picked, *every):
        if one.finding.id in found:
            path = one.path / RECORD if one.path.is_dir() else one.path
            paths = found[one.finding.id][1]
            if path.resolve() not in [known.resolve() for known in paths]:
                paths.append(path)
    return found


def _asked(context: Context, case: Case, place: str) -> str:
    """ "kept", "lost" or "invalid"; "s" to look at the next one, "q" to end."""
    terminal, finding = context.terminal, case.finding
    folder = case.path if case.path.is_dir() else case.path.parent
    terminal.result((f"{place}  {finding.id[:SHORT_ID]}", "bold"), f"  {visible(finding.sentence)}")
    if finding.label is not None:
        terminal.result(f"  label    {visible(finding.label)}; got {visible(finding.observed)}")
    terminal.result(f"  look at  {visible(shown_path(folder / finding.input.file, context.directory))}")
    if finding.seed is not None:
        terminal.result(f"  seed     {visible(shown_path(folder / finding.seed.file, context.directory))}")
    terminal.result(f"  so far   {visible(str(opinion_of(finding) or 'nobody has judged it'))}")
    while True:
        try:
            answer = input("  still what the seed was? k(ept), l(ost), i(nvalid), s(kip), q(uit): ").strip().lower()[:1]
        except EOFError:
            return "q"
        if answer in ("s", "q"):
            return answer
        if answer in KEYS:
            return KEYS[answer]
