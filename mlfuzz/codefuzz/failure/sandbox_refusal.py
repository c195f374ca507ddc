"""What the sandbox has refused an input, in words, and the line that allows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

Deed: TypeAlias = Literal["write", "program", "network", "signal", "call", "read", "size", "permission"]

SHOWN = 3
"""So many things of one deed are named; a cache may touch hundreds."""

WORDS: dict[Deed, str] = {
    "write": "writing {}", "program": "starting {}", "network": "the network call {}", "signal": "a signal to {}",
    "call": "the system call {}", "read": "reading {} by a path that starts at the project's folder",
    "size": "a file of more than 1 GiB {}", "permission": "what ended with {}",
}  # fmt: skip


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
    bare = harness.isascii() and harness.replace("-", "").replace("_", "").isalnum()
    name = harness if bare else msgspec.json.encode(harness).decode()
    return f'sandbox = "off" under [harnesses.{name}] in mlfuzz.toml'


def sentence(refused: Mapping[Deed, Sequence[str]], harness: str) -> str:
    """ "the sandbox refused writing a.log; starting true: what fails because of it is no finding. To allow ..."."""
    deeds = "; ".join(WORDS[deed].format(_some(whats)).strip() for deed, whats in refused.items())
    return (
        f"mlfuzz's sandbox refused {deeds}. What fails because of that is no finding, and what comes after it is not "
        f'tested. To allow it: {line(harness)} (in HARNESS: "sandbox": "off"; for one run: --sandbox none)'
    )


def gather(gathered: dict[Deed, list[str]], refusals: Iterable[Refusal]) -> tuple[Deed, ...]:
    """Add what is new of these; the deeds that nobody had wanted before."""
    fresh = []
    for one in refusals:
        if one.deed not in gathered:
            fresh.append(one.deed)
        whats = gathered.setdefault(one.deed, [])
        what = _readable(one.what)
        if what not in whats and len(whats) <= SHOWN:
            whats.append(what)
    return tuple(fresh)


def _some(whats: Sequence[str]) -> str:
    return ", ".join(whats[:SHOWN]) + (" and others" if len(whats) > SHOWN else "")


def _readable(what: str) -> str:
    """The name of a file may be any bytes; records are UTF-8."""
    return what.encode("utf-8", "backslashreplace").decode()
