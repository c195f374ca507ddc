"""`mlfuzz replay`: findings again, each alone: fixed, failing, flaky or in error."""

from __future__ import annotations

import shlex
import time as clock
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import msgspec
from cyclopts import Parameter

from mlfuzz.cli.resolve.context import Context, Here, Trusted, surroundings
from mlfuzz.cli.resolve.finding_selection import Cases
from mlfuzz.cli.resolve.permissions import Allowed, Level, known_level, warn_unheld
from mlfuzz.cli.resolve.targets import instead
from mlfuzz.cli.verbs.replay_file import loose, replay_files
from mlfuzz.errors import ReplayError, UsageError
from mlfuzz.findings.finding import SHORT_ID, Run
from mlfuzz.replay import TIMES, Case, Replayed, State, exit_code
from mlfuzz.report.numbers import figure
from mlfuzz.report.visible import visible

MESSAGE = 1000
"""Characters of an error: what to type stands at its end."""

MARKS: dict[State, tuple[str, str]] = {
    "fixed": ("  + FIXED  ", "green"),
    "fails": ("  x FAILS  ", "red"),
    "flaky": ("  ~ FLAKY  ", "yellow"),
    "error": ("  ! ERROR  ", "bold red"),
}


def replay(
    *what: str,
    name: str = "",
    target: Annotated[str, Parameter(name=["--target", "--against"])] = "",
    trust: Trusted = (),
    times: int = TIMES,
    device: str | None = None,
    all: Annotated[bool, Parameter(name=["--all", "-a"], negative="")] = False,
    sandbox: Level = None,
    allow: Allowed = (),
    dir: str = "",
    context: Here,
) -> int:
    """Run findings again, each alone, and say what became of them.

    Exit code 0 where all are fixed, 1 where any fails, 3 where any cannot be read or run or there is none; flaky ones
    alone: 0, with a warning.

    Args:
        what: Ids or their beginnings, finding.json files, folders; by default all confirmed findings. With --target
            HARNESS also any other file.
        name: Look in this campaign only.
        target: Run them against this target, or harness, instead of their own.
        times: Runs of each.
        device: cpu, cuda, cuda:1.
        all: Flaky, unconfirmed and ignored ones too.
        sandbox: Of harnesses: strict, workspace or off, in place of what they declare.
        allow: Of harnesses, beside what they declare: network, processes, write:PATH, ...; may be given several times.
        dir: Where campaigns lie, instead of the configured folder.
    """
    from mlfuzz.replay import replay as run

    found = context.resolve({"fuzz": {"device": device}})
    level = known_level(context, sandbox, allow)
    there = f" --dir {shlex.quote(dir)}" if dir else ""
    if files := loose(context, what, target):
        if len(files) < len(what):
            raise UsageError("findings and other files cannot be replayed together; name one kind")
        return replay_files(context, files, target, times=times, sandbox=level, allow=allow)
    project = Cases(context, folder=dir)
    cases = project.pick(what, campaign=name)
    if not what and not all:
        cases = [case for case in cases if _counts(case)]
    if not cases:
        every = project.pick(what, campaign=name)
        raise ReplayError(_nothing(what, every, f"{f' --name {name}' if name else ''}{there}", there))
    other = instead(found, target, (case.finding for case in cases))
    targets = ", ".join(sorted({target or case.finding.target for case in cases}))
    context.terminal.say(f"replaying {len(cases)} finding{'' if len(cases) == 1 else 's'} of {visible(targets)}")
    if any(case.finding.side == "code" for case in cases):
        warn_unheld(context, level)
    began = clock.monotonic()
    here = surroundings(found, trust=trust, again="mlfuzz replay {}")
    results = run(
        cases, target=other, times=times, on_result=lambda one: _tell(context, one), sandbox=level, allow=allow, **here
    )
    counts = {state: sum(one.state == state for one in results) for state in MARKS}
    summary = ", ".join(f"{count} {'fail' if state == 'fails' else state}" for state, count in counts.items() if count)
    context.terminal.result((f"{summary} in {clock.monotonic() - began:.1f} s", "bold"))
    if counts["flaky"]:
        context.terminal.warn("flaky: the same input did not fail each time; mlfuzz check looks for the reason")
    return project.exit_code(exit_code(results))


def _nothing(what: Sequence[str], every: Sequence[Case], options: str, there: str) -> str:
    """Why there is nothing to replay, and how what is there can be."""
    others = Counter(
        case.finding.triage if case.finding.verdict == "confirmed" else case.finding.verdict for case in every
    )
    if not others:
        where = f" in {visible(', '.join(what), limit=200)}" if what else ""
        return f"no findings to replay{where}; see what campaigns there are: mlfuzz status{there}"
    parts = ", ".join(
        f"{count} {'to confirm' if what == 'candidate' else what}" for what, count in others.most_common()
    )
    message = f"no confirmed findings to replay, but {parts}: mlfuzz replay -a{options} runs them all"
    return f"{message}; mlfuzz findings confirm{options} gives each its verdict" if others["candidate"] else message


def _counts(case: Case) -> bool:
    return case.finding.verdict == "confirmed" and case.finding.triage in ("open", "fixed")


def _tell(context: Context, one: Replayed) -> None:
    finding, terminal = one.finding, context.terminal
    terminal.emit(
        {
            "id": finding.id, "state": one.state, "failed": one.failed, "times": one.times, "drifted": one.drifted,
            "message": one.message, "before": msgspec.to_builtins(one.before), "after": msgspec.to_builtins(one.after),
        }
    )  # fmt: skip
    line = f"{finding.id[:SHORT_ID]}  {visible(finding.kind):<12}  "
    if finding.side == "code":
        line += f"{visible(finding.target)}: {visible(finding.observed, limit=40)}"
    else:
        line += f"{visible(finding.expected, limit=24)} -> {visible(finding.observed, limit=24)}{_score(one.before)}"
    if one.state == "error":
        line += f"  {visible(one.message, limit=MESSAGE)}"
    else:
        now = visible(one.after.text, limit=160) if finding.side == "code" and one.after else _answer(one.after)
        line += f"  now {now}  {one.failed}/{one.times}"
    if finding.side == "code" and one.state != "error" and one.message:
        line += f"  ({visible(one.message, limit=160)})"
    if one.drifted:
        line += f"  drifted: {visible(one.drifted, limit=120)}"
    terminal.result(MARKS[one.state], line)


def _answer(run: Run | None) -> str:
    if run is None:
        return "-"
    return f"{visible(run.label or run.text, limit=40) or '-'}{_score(run)}"


def _score(run: Run | None) -> str:
    if run is None or run.label not in run.scores:
        return ""
    return f" ({figure(run.scores[run.label])})"
