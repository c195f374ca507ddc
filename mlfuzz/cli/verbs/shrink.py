"""`mlfuzz shrink`: more time for a simpler chain."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cyclopts import Parameter

from mlfuzz.budget import duration
from mlfuzz.cli.resolve.context import Context, Here, Trusted, surroundings
from mlfuzz.cli.resolve.finding_selection import Cases
from mlfuzz.cli.resolve.targets import instead
from mlfuzz.cli.terminal.progress_line import ProgressLine
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, MlfuzzError, UsageError
from mlfuzz.findings.finding import SHORT_ID, Finding
from mlfuzz.report.visible import visible


def shrink(
    *ids: str,
    time: str = "60s",
    name: str = "",
    target: str = "",
    trust: Trusted = (),
    trim: Annotated[bool, Parameter(negative="")] = False,
    device: str | None = None,
    dir: str = "",
    context: Here,
) -> int:
    """Make findings simpler: fewer mutations, milder, rounder; each still fails in the same way.

    Exit code 3 where one cannot be read or run; the others are shrunk all the same.

    Args:
        ids: Ids or their beginnings, or files.
        time: How long for each; it ends sooner where nothing is left to try.
        name: Look in this campaign only; without ids, all of its confirmed findings.
        target: Run them against this target instead of their own.
        trim: Then also look for the least difference from the seed that still fails, for as long again: which pixels,
            samples or characters matter. It lies beside the input as <id>.trimmed; the chain stays what explains it.
        device: cpu, cuda, cuda:1.
        dir: Where campaigns lie, instead of the configured folder.
    """
    from mlfuzz.replay import shrink as run

    if not ids and not name:
        raise UsageError("name the findings to shrink: mlfuzz shrink ID...; mlfuzz findings list shows them")
    seconds = duration(time)
    found = context.resolve({"fuzz": {"device": device}})
    project = Cases(context, folder=dir)
    cases = project.pick(ids, campaign=name)
    if not ids:
        cases = [case for case in cases if case.finding.verdict == "confirmed"]
    load = instead(found, target, (case.finding for case in cases))
    code = EXIT_CLEAN
    with ProgressLine(context.terminal) as pace:
        for number, case in enumerate(cases, start=1):
            pace.at(f"shrinking {case.finding.id[:SHORT_ID]}, {number} of {len(cases)}")
            here = surroundings(found, trust=trust, again="mlfuzz shrink {}")
            try:
                changed = run(case, target=load, seconds=seconds, trim=trim, **here)
            except MlfuzzError as error:
                if len(cases) == 1:
                    raise
                code = EXIT_BROKEN
                context.terminal.warn(visible(str(error)))
                continue
            _tell(context, case.finding, changed, f"{number}/{len(cases)}  " if len(cases) > 1 else "")
    return project.exit_code(code)


def _tell(context: Context, was: Finding, now: Finding, place: str) -> None:
    context.terminal.emit(
        {
            "id": now.id,
            "before": msgspec.to_builtins(was.chain),
            "after": msgspec.to_builtins(now.chain),
            "trimmed": msgspec.to_builtins(now.trimmed),
        }
    )
    short = f"{place}{now.id[:SHORT_ID]}"
    if now.chain == was.chain and now.input == was.input:
        context.terminal.result(f"{short}  nothing simpler fails: ", visible(now.sentence or "unchanged seed"))
    else:
        context.terminal.result(f"{short}  ", (visible(was.sentence), "dim"))
        context.terminal.result(f"{'':<{len(short)}}  {visible(now.sentence)}")
    if now.trimmed is not None:
        context.terminal.result(f"{'':<{len(short)}}  trimmed: {visible(now.trimmed.sentence)}")
