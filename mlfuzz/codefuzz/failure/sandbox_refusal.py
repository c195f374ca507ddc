"""What the sandbox has refused an input, in words, and the line that allows it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

Deed: TypeAlias = Literal["write", "change", "program", "network", "signal", "call", "read", "size", "permission"]

SHOWN = 3
"""So many things of one deed are named; a cache may touch hundreds."""

KEPT = 64
"""So many are kept for the line that allows them."""

WORDS: dict[Deed, str] = {
    "write": "writing {}", "change": "removing, renaming or linking {}", "program": "starting {}",
    "network": "the network call {}", "signal": "a signal to {}",
    "call": "the system call {}", "read": "reading {} by a path that starts at the project's folder",
    "size": "a file of more than 1 GiB {}", "permission": "what ended with {}",
}  # fmt: skip

ALLOWED: dict[Deed, str] = {
    "program": "processes", "network": "network", "signal": "signals", "size": "large-files",
}  # fmt: skip
"""The permission that lets each of these be done; what is in neither needs a harness without the sandbox."""

SHARED = "shared memory (/dev/shm)"
"""How a write there is told: the names are drawn anew each time."""


class Refusal(msgspec.Struct, frozen=True):
    """deed: what was wanted. what: of what or whom. pretended: the input went on as if it had been allowed."""

    deed: Deed
    what: str = ""
    pretended: bool = False

    @property
    def text(self) -> str:
        """ "writing a.log"."""
        return WORDS[self.deed].format(_readable(self.what)).strip()


def line(harness: str) -> str:
    """What to write for a harness to run without the sandbox."""
    return f'sandbox = "off" under {table(harness)} in mlfuzz.toml'


def table(harness: str) -> str:
    """ "[harnesses.acme]", as TOML has it for any name."""
    bare = harness.isascii() and harness.replace("-", "").replace("_", "").isalnum()
    name = harness if bare else msgspec.json.encode(harness).decode()
    return f"[harnesses.{name}]"


def permissions(refused: Mapping[Deed, Sequence[str]], project: str = "") -> list[str] | None:
    """What `allow` must hold for this to be done, as far as it can be; None where only a harness without it may.

    project: paths are told from there.
    """
    wanted: list[str] = []
    paths: list[str] = []
    for deed, whats in refused.items():
        if deed in ("write", "change"):
            wanted += ["shared-memory"] if SHARED in whats else []
            paths += [_target(deed, what) for what in whats if what != SHARED]
        elif deed in ALLOWED:
            wanted.append(ALLOWED[deed])
    if not wanted and not paths:
        return None if refused else []
    return [*dict.fromkeys(wanted), *(f"write:{path}" for path in _places(paths, project))]


def sentence(refused: Mapping[Deed, Sequence[str]], harness: str, project: str = "") -> str:
    """ "the sandbox refused writing a.log; starting true: what fails because of it is no finding. To allow ..."."""
    deeds = "; ".join(WORDS[deed].format(_some(whats)).strip() for deed, whats in refused.items())
    return (
        f"mlfuzz's sandbox refused {deeds}. What fails because of that is no finding, and what comes after it is not "
        f"tested. To allow it: {remedy(refused, harness, project)}"
    )


def remedy(refused: Mapping[Deed, Sequence[str]], harness: str, project: str = "") -> str:
    """'allow = ["network"], or sandbox = "off" under [harnesses.acme] in mlfuzz.toml (in HARNESS: ...)'."""
    wanted = permissions(refused, project)
    if wanted is None:
        return f'{line(harness)} (in HARNESS: "sandbox": "off"; for one run: --sandbox off)'
    text = json.dumps(wanted, ensure_ascii=False)
    rest = [deed for deed in refused if deed not in ALLOWED and deed not in ("write", "change")]
    if rest:
        left = "; ".join(WORDS[deed].format(_some(refused[deed])).strip() for deed in rest)
        return f"allow = {text}, and for {left} as well {line(harness)} (for one run: --sandbox off)"
    return f'allow = {text}, or {line(harness)} (in HARNESS: "allow": {text}; for one run: --sandbox off)'


def gather(gathered: dict[Deed, list[str]], refusals: Iterable[Refusal]) -> tuple[Deed, ...]:
    """Add what is new of these; the deeds that nobody had wanted before."""
    fresh = []
    for one in refusals:
        if one.deed not in gathered:
            fresh.append(one.deed)
        whats = gathered.setdefault(one.deed, [])
        what = _readable(one.what)
        if what not in whats and len(whats) < KEPT:
            whats.append(what)
    return tuple(fresh)


def _target(deed: Deed, what: str) -> str:
    """What must be writable: who makes and removes names needs their folder."""
    folder = os.path.dirname(what.rstrip(os.sep)) if deed == "change" else what
    return os.path.join(folder, "") if deed == "change" or os.path.isdir(folder) else folder


def _places(paths: Sequence[str], project: str) -> list[str]:
    """A file where it is alone in its folder, else the folder: of several, some are made and removed.

    A folder ends with a separator; what lies in another of them is not named again.
    """
    together = Counter(os.path.dirname(path) for path in paths if not path.endswith(os.sep))
    found = {os.path.join(os.path.dirname(path), "") if together[os.path.dirname(path)] > 1 else path for path in paths}
    folders = [path for path in found if path.endswith(os.sep)]
    outer = [path for path in found if not any(path != one and path.startswith(one) for one in folders)]
    return [_shortened(one, project) for one in sorted(outer)]


def _shortened(path: str, project: str) -> str:
    for root, sign in ((os.path.realpath(project) if project else "", ""), (os.path.expanduser("~"), "~/")):
        if root not in ("", os.sep) and path.startswith(os.path.join(root, "")):
            return f"{sign}{path[len(root) + 1 :]}" or "./"
    return path


def _some(whats: Sequence[str]) -> str:
    return ", ".join(whats[:SHOWN]) + (" and others" if len(whats) > SHOWN else "")


def _readable(what: str) -> str:
    """The name of a file may be any bytes; records are UTF-8."""
    return what.encode("utf-8", "backslashreplace").decode()
