"""How bad a failure is, 0 to 5: by what whoever calls the code can do about it.

| rung | what the caller can do |
|---|---|
| 5 | nothing, and memory may be damaged: a sanitizer's report, a native crash |
| 4 | nothing, the process is gone: os._exit, a kill, the native stack used up, a panic or a C++ exception that aborts |
| 3.5 | wait, or pay: a hang, memory above the limit |
| 3 | catch it only by name: `except Exception` lets it through (a Rust panic, SystemExit, ...); or it comes from |
|   | anywhere, at any moment (RecursionError, MemoryError); or it damages the process for what comes after |
| 2.5 | nothing, but it costs only itself: a thread's death, an exception in a finaliser, a slow input |
| 2 | catch it, had anybody said so: an exception that is not documented |
| 1 | as above, of a type that a parser merely lets through from what it is built on |

A leak is 2: it takes many inputs. What breaks an invariant of a model's input counts by the size of the difference: 1
below 1 % of the range (or of the tokens), 2 below 10 %, 3 above, 2.5 for another shape, 3.5 where the answer changes.
"""

from __future__ import annotations

import re

from mlfuzz.codefuzz.failure.outcome import Outcome

DAMAGES, ENDS, COSTS, ESCAPES, LOST, CATCHABLE, LEAKS_THROUGH = 5.0, 4.0, 3.5, 3.0, 2.5, 2.0, 1.0

OF_KIND = {
    "sanitizer": DAMAGES, "crash": DAMAGES,
    "overflow": ENDS, "killed": ENDS, "os-exit": ENDS,
    "hang": COSTS, "memory": COSTS,
    "memory-error": ESCAPES, "recursion": ESCAPES, "exit": ESCAPES, "damage": ESCAPES,
    "slow": LOST, "thread": LOST, "unraisable": LOST,
    "leak": CATCHABLE,
}  # fmt: skip

ENDED = frozenset({"Rust panic", "Go panic", "Go fatal error", "Zig panic", "assertion failed", "fatal error"})
"""Types of crashes that are an orderly end: the code has noticed, and nothing is damaged."""

LEAKY = frozenset({
    "error", "BadZipFile", "LZMAError", "UnicodeDecodeError", "SyntaxError", "TokenError", "EOFError", "OSError",
    "NotImplementedError",
})  # fmt: skip
"""Types by which a parser lets those through that it is built on: a nuisance rather than a danger."""

INVARIANTS = "mlfuzz.skew.failures."

SHARE = re.compile(r"([\d.]+(?:e[+-]?\d+)?|inf) % of the (?:range|values)")
"""Of a model input's range, or of its tokens, how much differs."""

WORDS = {
    DAMAGES: "nothing can catch it, and memory may be damaged",
    ENDS: "nothing can catch it: it ends the process",
    COSTS: "whoever calls it pays in time or memory",
    ESCAPES: "`except Exception` does not catch it, or it comes from anywhere",
    LOST: "nobody can catch it; it costs only itself",
    CATCHABLE: "`except Exception` catches it",
    LEAKS_THROUGH: "`except Exception` catches it; let through from what the code is built on",
}


def severity(outcome: Outcome) -> float:
    """The rung of an outcome."""
    if outcome.kind == "crash" and (outcome.type in ENDED or "::" in outcome.type):
        return ENDS
    if outcome.escapes and outcome.kind not in ("thread", "unraisable"):
        return max(ESCAPES, OF_KIND.get(outcome.kind, ESCAPES))
    if outcome.kind in OF_KIND:
        return OF_KIND[outcome.kind]
    if outcome.type.startswith(INVARIANTS):
        return _of_invariant(outcome.message)
    return LEAKS_THROUGH if outcome.type.rpartition(".")[2] in LEAKY else CATCHABLE


def words(outcome: Outcome) -> str:
    """What the caller can do, in words."""
    if outcome.kind == "leak":
        return "each call leaves something behind"
    if outcome.escapes and outcome.kind not in ("thread", "unraisable"):
        return "`except Exception` does not catch it: it ends what calls it"
    if outcome.kind in ("recursion", "memory-error"):
        return "`except Exception` catches it, wherever it has come from"
    if outcome.kind == "damage":
        return "what comes after it in the same process goes wrong"
    if outcome.kind == "slow":
        return "whoever calls it pays in time"
    if outcome.type.startswith(INVARIANTS):
        return "the model is given something else than it was made for"
    return WORDS[severity(outcome)]


def _of_invariant(message: str) -> float:
    """By the size of the difference that `mlfuzz.skew` words, and by whether the model's answer changes."""
    if "; the answer changes" in message:
        return 3.5
    found = SHARE.search(message)
    if found is None:
        return 2.5
    share = float(found[1])
    return 3.0 if share >= 10 else 2.0 if share >= 1 else 1.0
