"""What takes the place of atheris' Setup and Fuzz while a harness is imported: nothing is fuzzed there.

Setup notes the function. Fuzz never comes back, as atheris' own does not: whoever serves inputs is called from inside
it, so that whatever the file has opened around the call (folders, patches, a loop of events) is still there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Entry = Callable[[bytes], Any]


class Handover:
    """entry, arguments: what the file has handed over. begin: called by Fuzz; it serves inputs, and does not return.

    mutator, crossover: the file's own, as atheris takes them.
    """

    def __init__(self, begin: Callable[[], object]) -> None:
        self._begin = begin
        self.entry: Entry | None = None
        self.arguments: tuple[str, ...] = ()
        self.mutator: Callable[..., bytes] | None = None
        self.crossover: Callable[..., bytes] | None = None

    def functions(self) -> Mapping[str, Any]:
        """To be put in the place of atheris' own."""
        return {"Setup": self._setup, "Fuzz": self._fuzz}

    def _setup(self, arguments: Sequence[str], entry: Entry, **more: Any) -> list[str]:
        if not callable(entry):
            raise TypeError(f"atheris.Setup takes a function, not {type(entry).__name__}")
        self.entry = entry
        self.arguments = tuple(map(str, arguments[1:]))
        self.mutator, self.crossover = more.get("custom_mutator"), more.get("custom_crossover")
        return [*map(str, arguments[:1]), *(one for one in self.arguments if not _is_flag(one))]

    def _fuzz(self) -> None:
        if self.entry is None:
            raise RuntimeError("Setup() must be called before Fuzz() can be called.")
        if threading.current_thread() is threading.main_thread():  # only there are signals heard
            self._begin()


def _is_flag(argument: str) -> bool:
    """Whether libFuzzer takes it for its own; what begins with two dashes it leaves to the program."""
    return argument.startswith("-") and not argument.startswith("--")
