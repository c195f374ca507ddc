"""`mlfuzz findings export`: findings for somebody else, or for the next training."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.finding_selection import Cases, by_id
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, CorruptRecordError, UsageError
from mlfuzz.findings.bundle import write_folder, write_zip
from mlfuzz.findings.dataset import HELD_OUT, PER_FAULT, dataset, write_dataset
from mlfuzz.findings.lookup import LocatedFinding
from mlfuzz.findings.record import RECORD
from mlfuzz.replay import Case
from mlfuzz.report.visible import visible


def export(
    *ids: str,
    format: Literal["zip", "dir", "dataset"] = "zip",
    output: str = "",
    name: str = "",
    per_fault: int = PER_FAULT,
    held_out: float = HELD_OUT,
    budget: int | None = None,
    dir: str = "",
    context: Here,
) -> int:
    """Write findings as a zip, as folders, or as a training set.

    A dataset has the inputs under their true labels, in train/ and, of faults that training never sees, in heldout/.

    Args:
        ids: Ids or their beginnings, files or folders; by default all confirmed findings.
        format: zip, dir (a folder each), or dataset.
        output: File or empty folder to write; by default findings.zip, findings or dataset.
        name: Of this campaign only.
        per_fault: In a dataset, at most so many of one fault.
        held_out: In a dataset, the share of faults that is held out.
        budget: In a dataset, so many to train on: those most worth labelling or retraining on.
        dir: Where campaigns lie, instead of the configured folder.
    """
    if not 0 <= held_out < 1:
        raise UsageError(f"--held-out is a share of the faults in [0, 1), not {held_out}")
    if budget is not None and budget < 1:
        raise UsageError(f"--budget is a number of findings, 1 or more, not {budget}")
    if budget is not None and format != "dataset":
        raise UsageError("--budget chooses what to train on; write: mlfuzz findings export --format dataset --budget "
                         f"{budget}")  # fmt: skip
    project = Cases(context, folder=dir)
    cases = project.pick(ids, campaign=name)
    if not ids:
        cases = [case for case in cases if case.finding.verdict == "confirmed" and case.finding.triage != "ignored"]
    if not cases:
        nothing = "there is nothing to export; mlfuzz findings list shows what there is"
        raise CorruptRecordError(nothing) if project.exit_code(EXIT_CLEAN) else UsageError(nothing)
    first = by_id(cases)
    found, damaged = _whole(context, [_found(first[finding_id]) for finding_id in sorted(first)])
    path = context.path(output or {"zip": "findings.zip", "dir": "findings", "dataset": "dataset"}[format])
    record: dict[str, object] = {}
    summary = f"{len(found)} finding{'' if len(found) == 1 else 's'}"
    if format == "zip":
        write_zip(found, path)
    elif format == "dir":
        write_folder(found, path)
    else:
        from mlfuzz.selection import most_worth

        choose = partial(most_worth, budget=budget) if budget else None
        data = dataset(found, per_fault=per_fault, held_out=held_out, choose=choose)
        write_dataset(data, path)
        summary = (
            f"{len(data.train)} inputs of {len(data.faults[0])} faults to train on, "
            f"{len(data.heldout)} of {len(data.faults[1])} held out, {data.left_out} left out"
        )
        if budget is not None and len(data.train) < budget:
            context.terminal.warn(f"{budget} were asked for, and {len(data.train)} are all there are to train on")
        record = {
            "train": len(data.train),
            "heldout": len(data.heldout),
            "left_out": data.left_out,
            "budget": budget,
            "chosen": [one.finding.id for one in data.train] if budget else None,
        }
    context.terminal.emit({"path": str(path), "format": format, "findings": len(found), **record})
    context.terminal.result(f"{summary}: {shown_path(path, context.directory)}")
    return EXIT_BROKEN if damaged else project.exit_code(EXIT_CLEAN)


def _whole(context: Context, found: list[LocatedFinding]) -> tuple[list[LocatedFinding], int]:
    """Those whose files are as their records name them; how many are not, each with a warning.

    Raises CorruptRecordError where none is.
    """
    whole: list[LocatedFinding] = []
    damaged: list[CorruptRecordError] = []
    for one in found:
        try:
            one.files()
        except CorruptRecordError as error:
            damaged.append(error)
        else:
            whole.append(one)
    if damaged and not whole:
        raise damaged[0]
    for each in damaged:
        context.terminal.warn(f"left out: {visible(str(each))}")
    return whole, len(damaged)


def _found(case: Case) -> LocatedFinding:
    return LocatedFinding(case.finding, Path(case.path) / RECORD if case.path.is_dir() else case.path)
