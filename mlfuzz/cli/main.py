"""The command `mlfuzz`: from its first instruction on it answers requests to end."""

from __future__ import annotations

import sys

from mlfuzz.cli import foreground

TYPE_CHECKING = False  # of typing, which takes as long to import as all that is needed here
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlfuzz.interrupts import Page


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. arguments: in this process, for whoever calls it; None: those of the shell."""
    if arguments is None:
        return foreground.run(_command)
    from mlfuzz.cli.application import run

    return run(arguments)


def _command(page: Page) -> int:
    from mlfuzz.interrupts import Interrupted, Requests

    requests = Requests(page)
    try:
        requests.install()
        foreground.listen()
        requests.heed()
        from mlfuzz.cli.application import leave, run

        code = run(sys.argv[1:])
        if requests.asked:
            leave(code)
        return code
    except Interrupted as error:  # before anything was begun
        if requests.answer():
            foreground.say(error.reason.value)
        return int(error.reason.exit_code or 0)
    finally:
        requests.close()
