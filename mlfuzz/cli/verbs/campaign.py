"""`mlfuzz campaign`: whether a campaign's truth is whole, and what to do where it is not."""

from __future__ import annotations

import shlex
from pathlib import Path

import msgspec
from cyclopts import App

from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.cli.verbs.report import only_campaign
from mlfuzz.integrity.inspect import inspect
from mlfuzz.integrity.losses import Integrity
from mlfuzz.integrity.repair import repair as mend
from mlfuzz.report.numbers import counted
from mlfuzz.report.visible import visible
from mlfuzz.storage.lock import Lock
from mlfuzz.storage.names import MOST_BYTES
from mlfuzz.storage.workdir import Workdir

app = App(name="campaign", help="Look after what a campaign has written: verify, repair.", help_format="plaintext")

MOST = 20
"""Lines of one campaign; --json has all."""


@app.command
def verify(name: str = "", /, *, dir: str = "", context: Here) -> int:
    """Read all that a campaign has kept, and say what is damaged, where, and how much is whole.

    Exit code 0 where all is whole, 3 where anything is damaged or gone. Nothing is changed.

    Args:
        name: Of the campaign, or its folder; may be left out where there is one only.
        dir: Where campaigns lie, instead of the configured folder.
    """
    workdir = _meant(context, name, dir)
    found = inspect(workdir, afresh=True)
    _show(context, workdir, found, moved=())
    if not found.whole:
        again = shlex.join(["mlfuzz", "campaign", "repair", name or workdir.name, *(["--dir", dir] if dir else [])])
        context.terminal.result(("  repair   ", "dim"), f"{again}  (sets it aside in quarantine/; deletes nothing)")
    return found.exit_code


@app.command
def repair(name: str = "", /, *, dir: str = "", context: Here) -> int:
    """Move what is damaged to quarantine/ in the campaign's folder, so that it can be gone on with. Nothing is deleted.

    Of a damaged journal the whole records are kept. Exit code 3 where something is damaged still.

    Args:
        name: Of the campaign, or its folder; may be left out where there is one only.
        dir: Where campaigns lie, instead of the configured folder.
    """
    workdir = _meant(context, name, dir)
    moved: list[str] = []
    with Lock.acquire(workdir.lock):
        left = mend(workdir, moved.append)
    _show(context, workdir, left, moved)
    return left.exit_code


def _meant(context: Context, name: str, folder: str) -> Workdir:
    """By its folder, or by its name where campaigns lie."""
    if name and ("/" in name or (len(name.encode()) <= MOST_BYTES and context.path(name).is_dir())):
        return Workdir.open(context.path(name))
    return only_campaign(context.path(folder) if folder else context.resolve().state_dir, name)


def _show(context: Context, workdir: Workdir, found: Integrity, moved: list[str] | tuple[()]) -> None:
    terminal = context.terminal
    terminal.emit({**msgspec.to_builtins(found), "counts": found.counts(), "whole": found.whole, "moved": list(moved)})
    for line in moved:
        terminal.say(("  moved    ", "dim"), visible(line))
    for loss in found.losses[:MOST]:
        place = f" at {loss.offset:,}" if loss.offset else ""
        extent = f", {loss.length:,} bytes" if loss.length else ""
        terminal.result(("  ! ", "red"), visible(f"{loss.path}{place}{extent}: {loss.reason}", limit=300))
    if len(found.losses) > MOST:
        terminal.result(f"    and {len(found.losses) - MOST:,} more; --json has all")
    head = f"campaign {workdir.name}: {found.summary() or 'all is whole'}"
    terminal.result((head, "bold green" if found.whole else "bold red"), f"; {_survives(found)}")
    if found.pending:
        terminal.result(("  pending  ", "dim"), found.unfinished())
    terminal.result(("  folder   ", "dim"), shown_path(Path(workdir.root), context.directory))


def _survives(found: Integrity) -> str:
    """ "1,204 entries, 74 stored inputs and 5 findings are whole"."""
    parts = [
        counted(found.entries, "entry", "entries") if found.entries else "",
        counted(found.blobs, "stored input") if found.blobs else "",
        counted(found.inputs, "input of a corpus", "inputs of a corpus") if found.inputs else "",
        counted(found.findings, "finding") if found.findings else "",
    ]
    return f"whole: {', '.join(part for part in parts if part) or 'nothing has been kept'}"
