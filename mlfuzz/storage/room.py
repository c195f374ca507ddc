"""A campaign whose disk is full waits a while for room, and goes on where it comes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mlfuzz.errors import DiskFullError
from mlfuzz.storage.durable import occupy, open_new
from mlfuzz.storage.parts import part_name

NEEDED_BYTES = 4 << 20
"""What must fit before a campaign goes on."""

WAIT_SECONDS = 60.0
LOOK_SECONDS = 1.0
AGAIN_SECONDS = 10.0
"""So long after room has come, all who met the full disk go on."""


class Room:
    """Of one campaign's folder. tell: a line for people; given_up: whether nobody wants to wait any more."""

    def __init__(self, folder: Path, tell: Callable[[str], object], given_up: Callable[[], bool]) -> None:
        self._folder, self._tell, self._given_up = folder, tell, given_up
        self._came = float("-inf")

    def wait(self, error: DiskFullError, *, seconds: float = WAIT_SECONDS) -> None:
        """Until there is room, or nobody waits any more. Raises `error` where none comes in so many seconds; at once
        where there is room, so that it is another limit that was met."""
        if time.monotonic() - self._came < AGAIN_SECONDS:
            return
        until = time.monotonic() + seconds
        if seconds <= 0 or has_room(self._folder):
            raise error
        self._tell(f"{error}; waiting {seconds:.0f} s for room")
        while not self._given_up():
            time.sleep(LOOK_SECONDS)
            if has_room(self._folder):
                self._came = time.monotonic()
                self._tell("there is room again: going on")
                return
            if time.monotonic() >= until:
                raise error


def has_room(folder: Path) -> bool:
    """Whether a few MiB can be written there now; tried, as free blocks say nothing of quotas and limits."""
    part = part_name(folder / "room")
    try:
        descriptor = open_new(part)
    except OSError:
        return False
    try:
        occupy(descriptor, NEEDED_BYTES)
    except OSError:
        return False
    finally:
        os.close(descriptor)
        with suppress(OSError):
            os.unlink(part)
    return True
