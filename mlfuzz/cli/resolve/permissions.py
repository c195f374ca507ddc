"""`--sandbox` and `--allow`: what code may do while an input runs, as typed."""

from __future__ import annotations

import os
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from mlfuzz.cli.resolve.context import Context
from mlfuzz.codefuzz.runtime.permissions import FORMER, STRICT, problem
from mlfuzz.errors import UsageError

AS_DECLARED = "auto"
"""What once was the default of the option; a harness that declared "off" was run so nevertheless."""

Level: TypeAlias = Literal["strict", "workspace", "off", "auto", "none"] | None
Allowed: TypeAlias = Annotated[tuple[str, ...], Parameter(negative="")]


def known_level(context: Context, level: str | None, allow: tuple[str, ...] = ()) -> str:
    """The level as it is called now; a word where it was called otherwise. Raises UsageError for what is none."""
    if wrong := problem(level or STRICT, allow):
        raise UsageError(f"--{wrong}")
    if level is None or level == AS_DECLARED:
        return ""
    if level in FORMER:
        context.terminal.warn(f"--sandbox {level} is called --sandbox {FORMER[level]} now")
    return FORMER.get(level, level)


def warn_unheld(context: Context, level: str) -> None:
    """Say what of the sandbox does not hold on this machine."""
    if hasattr(os, "fork"):
        from mlfuzz.codefuzz.runtime.sandbox import lacking  # needs what Windows lacks

        for one in lacking(level or STRICT):
            context.terminal.warn(f"the sandbox does not hold whole here: {one}")
