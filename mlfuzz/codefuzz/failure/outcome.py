"""What became of one input: fine, refused as documented, or a failure with its key."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from mlfuzz.codefuzz.failure.sandbox_refusal import Refusal

Kind = Literal[
    "ok", "refused",  # ran through; raised what is documented
    "exception", "group", "assertion", "recursion", "memory-error", "exit",  # raised in Python
    "thread", "unraisable",  # raised where nobody catches it
    "crash", "overflow", "killed", "os-exit", "sanitizer",  # the process died
    "hang", "slow", "memory", "leak",  # took too much
    "damage",  # took away from the process what all that runs in it needs
    "barred",  # failed for what the sandbox has refused it: no verdict
]  # fmt: skip

FINE = frozenset({"ok", "refused", "barred"})


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run of a harness on one input.

    type: exception type, or signal name ("SIGSEGV"), or the sanitizer's own name of it.
    frames: "path:line:function", outermost first, foundations and the harness's own machinery left out.
    causes: types of the chain of causes, nearest first. origin: the first of them and where it was raised, "KeyError at
    acme.py:12:field". escapes: `except Exception` does not catch it. group: kind, type, file and qualified function of
    the deepest frame inside the target. bucket: group, the line's offset from the function's start, the causes.
    seconds, mebibytes: what it took (peak above the start), measured alone; nan where it was not measured.
    output: the end of what the target printed. refusals: what the sandbox does not let it do, where that was asked.
    ran_through: set aside, and run through in a throw-away copy where all that was refused was done.
    system: an OSError is among what was raised and its causes, where that was asked.
    times: how often it was seen, in how many variants (types and messages) so far: of one that a worker has counted.
    """

    kind: Kind
    type: str = ""
    message: str = ""
    traceback: str = ""
    frames: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    origin: str = ""
    escapes: bool = False
    group: str = ""
    bucket: str = ""
    seconds: float = float("nan")
    mebibytes: float = float("nan")
    signal: int = 0
    status: int | None = None
    sanitizer: dict[str, Any] = {}
    output: str = ""
    refusals: tuple[Refusal, ...] = ()
    ran_through: bool = False
    system: bool = False
    times: int = 1
    variants: int = 1

    @property
    def failed(self) -> bool:
        return self.kind not in FINE
