"""The command `mlfuzz`."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. arguments: in this process, for whoever calls it; None: those of the shell."""
    from mlfuzz.cli.application import run

    return run(sys.argv[1:] if arguments is None else arguments)
