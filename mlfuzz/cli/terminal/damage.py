"""What is said of damage wherever a campaign is shown, and the exit code that it asks for."""

from __future__ import annotations

import shlex

from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN
from mlfuzz.integrity.losses import Integrity
from mlfuzz.report.visible import visible


def tell_damage(terminal: Terminal, found: Integrity, *, folder: str = "") -> int:
    """A line on what is lost, and one on what was never finished; 3 where anything is lost.

    folder: as typed (--dir).
    """
    if said := found.sentence(f" --dir {shlex.quote(folder)}" if folder else ""):
        terminal.warn(visible(said))
    if found.pending:
        terminal.say((f"campaign {visible(found.campaign)}: {found.unfinished()}", "dim"))
    return found.exit_code


def worst(code: int, *others: int) -> int:
    """The exit code of a verb that has shown what could be read: 3 comes before all that it would say otherwise."""
    return EXIT_BROKEN if EXIT_BROKEN in (code, *others) else max((code, *others), default=EXIT_CLEAN)
