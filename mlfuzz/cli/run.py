"""A campaign of either side, run before people's eyes: for `fuzz`, `harness run` and `demo`."""

from __future__ import annotations

import shlex
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from mlfuzz.cli.resolve.context import Context
from mlfuzz.cli.terminal.closing import NextCommands, close
from mlfuzz.cli.terminal.panel import Draw, Panel
from mlfuzz.errors import EXIT_INTERRUPTED, MlfuzzError, StorageError
from mlfuzz.events import CampaignResult, Event
from mlfuzz.findings.known import Known
from mlfuzz.interrupts import leave_dead_streams
from mlfuzz.report.visible import visible
from mlfuzz.request import CampaignRequest
from mlfuzz.storage.durable import create_exclusive, remove_folder
from mlfuzz.storage.workdir import Workdir

Tell: TypeAlias = Callable[[Event], None]

REPORT_SECONDS = 4.0
"""What the report may take where somebody has asked for the end, and waits."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A campaign about to run.

    typed: what is fuzzed, as it was named; where: on which device. start: runs it. root: the project's folder. names:
    what this user asks to be imported: records that name it may be run again here. command: that goes on with it;
    why: what to type where nothing ran, and what for. folder: where campaigns lie, as typed (--dir).
    """

    typed: str
    request: CampaignRequest[Any]
    start: Callable[[Tell], CampaignResult]
    draw: Draw
    root: Path
    names: tuple[str, ...]
    command: str
    why: tuple[str, str]
    folder: str = ""
    where: str = ""

    @property
    def workdir(self) -> Workdir:
        """The campaign's."""
        return Workdir(self.request.workdir)

    @property
    def commands(self) -> NextCommands:
        """How to go on."""
        there = f" --dir {shlex.quote(self.folder)}" if self.folder else ""
        name = self.workdir.name
        return NextCommands(name, f"{self.command} --name {name}{there}", self.why, there)


def run(context: Context, launch: Launch, *, report: bool = True) -> int:
    """Run, report, and say what to type next; the exit code."""
    terminal, workdir, commands = context.terminal, launch.workdir, launch.commands
    on = f" on {launch.where}" if launch.where else ""
    title = " · ".join(["mlfuzz", launch.typed, *([launch.where] if launch.where else []), f"campaign {workdir.name}"])
    fresh = not workdir.root.exists()
    seconds = launch.request.budget.total_seconds
    try:
        terminal.say((f"fuzzing {launch.typed}", "bold"), f"{on}, campaign {workdir.name}; Ctrl-C saves and reports")
        context.note_begun(launch.root, launch.names)
        with Panel(
            terminal, title, workdir.name, seconds, draw=launch.draw, options=commands.there,
            known=Known(launch.request.regressions),
        ) as panel:  # fmt: skip
            audience = Audience(panel, workdir)
            result = launch.start(audience)
    except MlfuzzError as error:
        if fresh and not workdir.stats.exists() and str(workdir.root) not in str(error):
            remove_folder(workdir.root)  # a mistyped target leaves no campaign behind
        raise
    except BrokenPipeError:  # the reader has gone: what was found is kept, but nobody may take this for clean
        return EXIT_INTERRUPTED
    path = None
    if report and workdir.stats.exists():  # it may have ended before
        with limited(REPORT_SECONDS if result.stop.reason.exit_code is not None else 0.0):
            path = write_report(context, workdir, commands)
    close(context, commands, result, path)
    return EXIT_INTERRUPTED if audience.gone and result.stop.reason.exit_code is None else result.exit_code


class Audience:
    """Passes on what a campaign says; once nobody reads it any more the campaign is asked to end."""

    def __init__(self, tell: Tell, workdir: Workdir) -> None:
        self._tell, self._workdir = tell, workdir
        self.gone = False

    def __call__(self, event: Event) -> None:
        try:
            self._tell(event)
        except BrokenPipeError:
            self.gone = True
            leave_dead_streams()
            with suppress(StorageError):
                create_exclusive(self._workdir.stop_request, b"", sync=False)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Gives up with `OutOfTime` what takes longer, of the processor's time: a busy machine may stretch it. 0: no limit.

    Elsewhere than in the main thread there is no limit either.
    """
    if not seconds or threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(_: int, __: object) -> NoReturn:
        raise OutOfTime("the end was asked for, and it takes long")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


class OutOfTime(Exception):
    """What can be made again was given up."""


def write_report(context: Context, workdir: Workdir, commands: NextCommands) -> Path | None:
    """The campaign's HTML report; what goes wrong with it must not hide what the campaign found."""
    from mlfuzz.report import html
    from mlfuzz.report.summary import summarise

    settings = context.resolve().config.report
    try:
        return html.write(summarise(workdir), workdir.report, title=settings.title, inline_limit=settings.inline_limit)
    except Exception as error:  # noqa: BLE001  # a fault in a page must not change a campaign's exit code
        if context.terminal.verbose:
            context.terminal.warn(visible(traceback.format_exc(), keep="\n"))
        again = f"mlfuzz report {commands.name}{commands.there}"
        context.terminal.warn(f"no report: {visible(f'{type(error).__name__}: {error}')}; again: {again}")
        return None
