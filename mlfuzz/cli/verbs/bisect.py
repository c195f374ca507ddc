"""`mlfuzz harness bisect`: since when, and until when, a finding fails."""

from __future__ import annotations

import os
import shlex
from typing import Annotated

import msgspec
from cyclopts import Parameter

from mlfuzz.cli.resolve.context import Context, Here, Trusted
from mlfuzz.cli.resolve.finding_selection import Cases
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.trust import refusal
from mlfuzz.codefuzz.triage import version_bisect
from mlfuzz.codefuzz.triage.version_bisect import Tried
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, ReplayError, UsageError
from mlfuzz.findings.finding import SHORT_ID
from mlfuzz.findings.store import read
from mlfuzz.findings.trust import Trust
from mlfuzz.report.visible import visible

COLOURS = {"fails": "red", "fails otherwise": "red", "holds": "green", "flaky": "yellow"}


def bisect(
    id: str,
    /,
    *,
    package: str,
    of: Annotated[str, Parameter(name="--versions")],
    target: str = "",
    trust: Trusted = (),
    times: int = 3,
    dir: str = "",
    context: Here,
) -> int:
    """Run a finding of the code side with versions of a package, each installed into a folder that is thrown away.

    What a native build has shown is tried with each version built in the same way. Nothing of this environment is
    changed. Exit code 3 where no version could be tried.

    Args:
        id: Of the finding, or the beginning of it, or its file.
        package: What pip calls it: pillow, scipy; or a folder, ./mycodec: a checkout, or one with a folder a version.
        of: Versions, 9.3.0,10.0.0; or a range of those there are, 9.3..11; of a checkout tags or other revisions.
        target: Another harness than its own.
        times: Runs with each version.
        dir: Where campaigns lie, instead of the configured folder.
    """
    (case,) = Cases(context, folder=dir).pick([id])[:1]
    finding = case.finding
    if finding.side != "code":
        raise UsageError(f"finding {finding.id[:SHORT_ID]} is of a model; mlfuzz replay --target runs it on another")
    found = context.resolve()
    if os.sep in package:  # a folder; names of packages have none
        package = str(context.path(package).resolve())
    again = f"mlfuzz harness bisect {{}} {shlex.join(['--package', package, '--versions', of])}"
    if problem := refusal(Trust.of(found, given=trust, again=again), finding, case.path, target=target):
        raise ReplayError(f"finding {finding.id[:SHORT_ID]} is not run: {problem}")
    harness = discovery.find(target or finding.load, found.root)
    _, files = read(case.path)
    wanted = version_bisect.parse(package, of, offered=version_bisect.offered)
    terminal = context.terminal
    terminal.say(f"{finding.id[:SHORT_ID]}  {visible(finding.observed)} of {harness.name}, with {len(wanted)} versions")
    tried = []

    def on_line(line: str) -> None:
        terminal.say((visible(line, limit=200), "dim"))

    for one in version_bisect.bisect(
        harness, files[finding.input.file], finding, package, wanted, times=times, on_line=on_line
    ):
        tried.append(one)
        _tell(context, os.path.basename(package), one)
    for line in version_bisect.turning_points(tried):
        terminal.result(("  turned   ", "dim"), visible(line))
    terminal.emit({"id": finding.id, "package": package, "versions": msgspec.to_builtins(tried)})
    if all(one.verdict in ("not installed", "does not import") for one in tried):
        terminal.error(f"no version could be tried: is it called {shlex.quote(package)}, and is it for this Python?")
        return EXIT_BROKEN
    return EXIT_CLEAN


def _tell(context: Context, package: str, one: Tried) -> None:
    context.terminal.result(
        f"  {visible(package)} {visible(one.version):<12}  ",
        (f"{one.verdict:<16}", COLOURS.get(one.verdict, "dim")),
        f"  {visible(one.said, limit=160)}",
    )
