"""`mlfuzz demo`: what mlfuzz does, in half a minute, on a shipped subject with planted weaknesses."""

from __future__ import annotations

import shutil

from mlfuzz.cli.resolve.context import Here
from mlfuzz.cli.resolve.plan import Plan, plan
from mlfuzz.cli.resolve.targets import SUBJECTS
from mlfuzz.cli.run import run
from mlfuzz.cli.verbs.harness_run import Wish
from mlfuzz.cli.verbs.harness_run import run as run_harnesses
from mlfuzz.errors import UnknownNameError
from mlfuzz.storage.lock import Lock

CODE, HARNESS = "code", "demo_parser"
"""The code side's subject, and the shipped harness that fuzzes it."""


def demo(subject: str = "image", /, *, time: str = "30s", context: Here) -> int:
    """Fuzz a shipped subject for half a minute, and write the report.

    Begins afresh each time. Exit code 1 is what to hope for: the weaknesses that were planted have been found.

    Args:
        subject: image, audio, text, or code (a small parser with planted bugs).
        time: How long.
    """
    if subject == CODE:
        wish = Wish((HARNESS,), time, name=f"demo-{CODE}", fresh=True, again="mlfuzz demo code --time 2m")
        return run_harnesses(context, wish)
    if subject not in SUBJECTS:
        raise UnknownNameError("demonstration", subject, [*SUBJECTS, CODE])
    planned = plan(context, f"{SUBJECTS[subject]}:fragile", {"time": time}, name=f"demo-{subject}", adopt=True)
    _clear(planned)
    return run(context, planned)


def _clear(planned: Plan) -> None:
    """Remove the last demonstration, unless one is running."""
    if planned.workdir.is_campaign:
        with Lock.acquire(planned.workdir.lock):
            shutil.rmtree(planned.workdir.root)
