"""`mlfuzz stop NAME`: ask a running campaign to save and end."""

from __future__ import annotations

from mlfuzz.cli.resolve.context import Here
from mlfuzz.storage.durable import create_exclusive
from mlfuzz.storage.lock import holder
from mlfuzz.storage.workdir import find_campaign


def stop(name: str, /, *, dir: str = "", context: Here) -> int:
    """Ask a running campaign to finish its batch, save and end; it may run in another shell.

    Args:
        name: Of the campaign (mlfuzz status).
        dir: Where campaigns lie, instead of the configured folder.
    """
    base = context.path(dir) if dir else context.resolve().state_dir
    workdir = find_campaign(base, name)
    held = holder(workdir.lock)
    context.terminal.emit({"campaign": name, "asked": held is not None})
    if held is None:
        context.terminal.result(f"{workdir.name} is not running")
        return 0
    create_exclusive(workdir.stop_request, b"", sync=False)
    context.terminal.result(f"asked {workdir.name} (process {held.pid}) to end; it saves and reports first")
    return 0
