"""The working directory of a confined worker: what the project's folder shows, with room to write.

Relative paths are read as they stand in the project, by links to what lies there. What is written anew lies in the
scratch folder; writing to what a link leads to is the sandbox's to refuse.
"""

from __future__ import annotations

import contextlib
import os

MOST_LINKS = 2000
"""A folder of so many entries is hardly a project's; they would be made anew for each worker."""


def overlay(folder: str, here: str) -> None:
    """Make `here` the working directory, with a link to each entry of `folder` that it has none of yet."""
    os.makedirs(here, exist_ok=True)
    os.chdir(here)
    with contextlib.suppress(OSError):
        there = set(os.listdir("."))
        with os.scandir(folder) as entries:
            for _, entry in zip(range(MOST_LINKS), entries, strict=False):
                if entry.name not in there:
                    with contextlib.suppress(OSError):
                        os.symlink(entry.path, entry.name)
