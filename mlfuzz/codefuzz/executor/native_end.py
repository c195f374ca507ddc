"""The ends that native code gives itself: by its last words, and by what of its status is in the key."""

from __future__ import annotations

import signal

from mlfuzz.codefuzz.failure import last_words
from mlfuzz.codefuzz.failure.last_words import LastWords
from mlfuzz.codefuzz.forkserver.worker_handle import Death
from mlfuzz.codefuzz.runtime import self_ended
from mlfuzz.codefuzz.runtime.exit_status import UNTELLABLE

GIVES_UP = frozenset({signal.SIGABRT, signal.SIGILL, signal.SIGTRAP})
"""Signals by which a process ends itself after it has said why."""

BY_STATUS = ("Go", "Zig", "C++")
"""Runtimes that may end by a status; Fortran's words are an assertion's."""

FAULTS = frozenset({
    signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS,
})  # fmt: skip
"""Signals that say what went wrong. Of others the number says only who has ended it."""

NEAR = 1 << 14
"""Characters at the end of what was printed that belong to the end of the process."""

TYPES = {"Rust": "Rust panic", "assert": "assertion failed", "Python": "fatal error"}


def words(death: Death, printed: str) -> LastWords | None:
    """What it said before it gave up, where it did."""
    if death.signal not in GIVES_UP and not death.code:
        return None
    said = last_words.parse(printed[-NEAR:])
    if said is None or death.signal in GIVES_UP:
        return said
    return said if said.runtime in BY_STATUS or said.said.startswith("Fortran") else None


def type_of(said: LastWords, otherwise: str) -> str:
    """ "std::out_of_range", "Go panic", "Rust panic", "assertion failed"."""
    if said.runtime == "C++":
        return said.error if said.error != "terminate" else otherwise
    if said.runtime == "malloc":
        return said.error
    return TYPES.get(said.runtime, f"{said.runtime} {said.error}")


def keyed(kind: str, death: Death, type_name: str, stacks: str, said: LastWords | None) -> str:
    """The type as keys have it: no number that an input may choose."""
    if said is not None:
        return type_name
    if kind == "os-exit":
        return type_name if death.code == UNTELLABLE else ""
    if kind == "crash" and (self_ended.sent(stacks) == death.signal or death.signal not in FAULTS):
        return "signal"
    return type_name
