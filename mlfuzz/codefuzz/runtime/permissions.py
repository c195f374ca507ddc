"""What code may do to the machine while an input runs: a level, and single permissions on top of it.

docs/sandbox.md is the contract; this is its only reading. Plain Python: the forked child imports it too.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

STRICT, WORKSPACE, OFF = LEVELS = ("strict", "workspace", "off")
FORMER = {"auto": STRICT, "none": OFF}
"""What levels were called once; still read."""

NETWORK, PROCESSES, MEMORY, SIGNALS, LARGE = SINGLE = (
    "network", "processes", "shared-memory", "signals", "large-files",
)  # fmt: skip
WRITE = "write:"

SHARED_MEMORY = "/dev/shm"

INSIDE, OUTSIDE = b"c", b"w"
"""What a watched worker says of itself: whether it is in a throw-away copy."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """level: one of LEVELS. granted: of SINGLE. writable: absolute paths beside the scratch folder, links resolved; one
    that ends with a separator is a folder, also where it is not there yet.
    """

    level: str = STRICT
    granted: frozenset[str] = frozenset()
    writable: tuple[str, ...] = ()

    @classmethod
    def of(cls, level: str, allow: Sequence[str] = (), project: str = ".") -> Permissions:
        """level: also as it was called once. allow: "network", "write:cache/", "write:~/.cache/acme", ...

        project: the folder that relative paths start at, and that "workspace" lets be written.
        """
        level = FORMER.get(level, level)
        if level == OFF:
            return cls(OFF)
        granted = {one for one in allow if one in SINGLE}
        paths = [_placed(one.removeprefix(WRITE), project) for one in allow if one.startswith(WRITE)]
        if level == WORKSPACE:
            granted |= {PROCESSES, MEMORY}
            paths.append(os.path.join(os.path.realpath(project), ""))
        return cls(level, frozenset(granted), tuple(dict.fromkeys(paths)))

    @property
    def free(self) -> bool:
        """Whether there is no sandbox at all."""
        return self.level == OFF

    def beside(self, folders: Sequence[str]) -> Permissions:
        """With these folders too, and a network: of somebody who has copies of them, and a network of its own."""
        return Permissions(self.level, self.granted | {NETWORK}, (*self.writable, *folders))

    @property
    def roots(self) -> tuple[str, ...]:
        """What may be written beside the scratch folder, as paths without a separator at their end."""
        shared = (SHARED_MEMORY,) if MEMORY in self.granted else ()
        return tuple(path.rstrip(os.sep) or os.sep for path in self.writable) + shared


STANDARD = Permissions()
"""What a harness may do that says nothing of it."""


def problem(level: str, allow: Sequence[str]) -> str:
    """Why these cannot be understood, with what there is; "" where they can."""
    if level not in LEVELS and level not in FORMER:
        return f"sandbox {level!r}: {_one_of(LEVELS)}{_nearest(level, LEVELS)}"
    for one in allow:
        if one.startswith(WRITE) and one != WRITE:
            continue
        if one not in SINGLE:
            known = (*SINGLE, f"{WRITE}PATH")
            return f"allow {one!r}: {_one_of(known)}{_nearest(one, known)}"
    return ""


def renamed(level: str) -> str:
    """A sentence where that level is called otherwise now; "" where it is not."""
    now = FORMER.get(level, "")
    return f'sandbox = "{level}" is called "{now}" now' if now else ""


def _placed(path: str, project: str) -> str:
    whole = os.path.join(os.path.abspath(project), os.path.expanduser(path))
    resolved = os.path.realpath(whole)
    return os.path.join(resolved, "") if path.endswith(os.sep) or os.path.isdir(resolved) else resolved


def _one_of(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:-1]) + f" or {names[-1]!r}"


def _nearest(name: str, names: Sequence[str]) -> str:
    import difflib  # here alone: what is imported beside a harness is not instrumented any more

    near = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {near[0]!r}?" if near else ""
