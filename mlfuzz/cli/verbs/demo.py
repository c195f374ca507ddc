"""`mlfuzz demo`: what mlfuzz does, in half a minute, on a shipped subject with planted weaknesses."""

from __future__ import annotations

from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.plan import plan
from mlfuzz.cli.resolve.targets import SUBJECTS
from mlfuzz.cli.run import Launch, run
from mlfuzz.cli.verbs import fuzz, harness_run
from mlfuzz.errors import UnknownNameError
from mlfuzz.storage.durable import remove_folder
from mlfuzz.storage.lock import Lock
from mlfuzz.storage.workdir import Workdir

CODE, HARNESS = "code", "demo_parser"
"""The code side's subject, and the shipped harness that fuzzes it."""


def demo(subject: str = "image", /, *, time: str = "30s", context: Here) -> int:
    """Fuzz a shipped subject for half a minute, and write the report.

    Begins afresh each time. Exit code 1 is what to hope for: the weaknesses that were planted have been found.

    Args:
        subject: image, audio, text, or code (a small parser with planted bugs).
        time: How long.
    """
    if subject not in (*SUBJECTS, CODE):
        raise UnknownNameError("demonstration", subject, [*SUBJECTS, CODE])
    launch = _launch(context, subject, {"time": time}, f"demo-{subject}")
    _clear(launch.workdir)
    return run(context, launch)


def _launch(context: Context, subject: str, flags: dict[str, str | None], name: str) -> Launch:
    if subject == CODE:
        return harness_run.launch_of(context, harness_run.HarnessOptions((HARNESS,), flags, name))
    return fuzz.launch_of(plan(context, f"{SUBJECTS[subject]}:fragile", flags, name=name, adopt=True))


def _clear(workdir: Workdir) -> None:
    """Remove the last demonstration, unless one is running."""
    if workdir.is_campaign:
        with Lock.acquire(workdir.lock):
            remove_folder(workdir.root)
