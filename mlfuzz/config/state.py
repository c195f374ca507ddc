"""Where mlfuzz keeps what it knows of this user, outside any project: `$XDG_STATE_HOME/mlfuzz`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def state_home(environment: Mapping[str, str] | None = None) -> Path | None:
    """By the XDG base directory specification, ~/.local/state/mlfuzz by default; None of a user without a home.

    environment: of the process, unless given.
    """
    folder = (os.environ if environment is None else environment).get("XDG_STATE_HOME", "")
    if os.path.isabs(folder):  # a relative one is to be ignored, says the specification
        return Path(folder) / "mlfuzz"
    return _usual()


def is_moved(home: Path) -> bool:
    """Whether a variable has put it elsewhere than every user has it."""
    return home != _usual()


def _usual() -> Path | None:
    home = Path(os.path.expanduser("~"))  # Path.expanduser raises where the system does not know the user
    return home / ".local/state/mlfuzz" if home.is_absolute() else None
