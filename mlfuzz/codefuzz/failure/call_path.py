"""By which way a failure's place was reached, and in which words it was told: what a bucket keeps apart inside it.

Six bugs in six functions that all end in `Reader.need(ok, what)` fail at one line. Buckets by callers would mostly
split one bug (measured: scripts/bench buckets), so the line stays the key, and the ways to it are counted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mlfuzz.codefuzz.failure.wording import normal

MOST_CALLERS = 4
"""Functions above the one that failed; in a deep parser more of them is how the input is nested."""

_FRAME = re.compile(r"(.+?):(\d+):(.*)")
_PLACE = re.compile(r":\d+(?=:|$)")


@dataclass(frozen=True, slots=True)
class CallPath:
    """callers: "acme.py:record", nearest first, each once. message: without what an input may have put into it.

    origin: the first of its causes and where that was raised, "" where it has none.
    """

    callers: tuple[str, ...]
    message: str
    origin: str = ""

    @property
    def key(self) -> str:
        """The same for the same path and message, wherever lines have moved."""
        return hashlib.sha256("\n".join([*self.callers, "", self.message, self.origin]).encode()).hexdigest()[:12]


def path_of(frames: Sequence[str], message: str, origin: str = "") -> CallPath:
    """Of a failure's frames, outermost first."""
    functions = [f"{match[1]}:{match[3]}" for frame in frames if (match := _FRAME.fullmatch(frame))]
    own = functions[-1:]
    callers = [one for one in dict.fromkeys(reversed(functions)) if one not in own]
    return CallPath(tuple(callers[:MOST_CALLERS]), normal(message), _PLACE.sub("", origin))
