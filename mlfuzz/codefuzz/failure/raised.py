"""What was raised, read without trusting it: an exception is the target's object, and any part of it may fail.

Attributes are taken by the descriptors of BaseException itself: a class may define `__getattribute__`, `__str__` or
`__cause__` that raise, or that never tell the same twice.
"""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, TracebackType
from typing import Any

LONGEST_MESSAGE = 2000
DEEPEST_CAUSE = 8

LONGEST_CHAIN = 1000

MOST_LEAVES = 256
"""Members of a group that are looked at."""

LARGEST_SOURCE = 4 << 20
"""Bytes of a module's source that is searched for the name of a class."""

PANIC = "PanicException"
"""The type by which PyO3 hands on a panic of Rust's; each extension has its own, of a module that does not exist."""

_Base: Any = BaseException
_trace, _cause = _Base.__traceback__.__get__, _Base.__cause__.__get__
_context, _suppressed = _Base.__context__.__get__, _Base.__suppress_context__.__get__
_members = BaseExceptionGroup.exceptions.__get__
_qualified, _bases = type.__dict__["__qualname__"].__get__, type.__dict__["__mro__"].__get__


def trace_of(error: BaseException) -> TracebackType | None:
    return _trace(error)  # type: ignore[no-any-return]


def cause_of(error: BaseException) -> BaseException | None:
    return _cause(error)  # type: ignore[no-any-return]


def context_of(error: BaseException) -> BaseException | None:
    return _context(error)  # type: ignore[no-any-return]


def members_of(error: BaseException) -> tuple[BaseException, ...]:
    """Of a group; of another exception none."""
    return tuple(_members(error)) if issubclass(type(error), BaseExceptionGroup) else ()


def following(error: BaseException) -> BaseException | None:
    """What it was raised from, else what was being handled, unless that is suppressed."""
    cause = cause_of(error)
    if cause is not None:  # whose truth may be anything
        return cause
    return None if _suppressed(error) else context_of(error)


def causes(error: BaseException) -> Iterator[BaseException]:
    """The chain of causes, nearest first; a ring of them ends."""
    seen = {id(error)}
    for _ in range(DEEPEST_CAUSE):
        cause = following(error)
        if cause is None or id(cause) in seen:
            return
        seen.add(id(cause))
        yield cause
        error = cause


def root(error: BaseException) -> BaseException | None:
    """What it goes back to: the end of the chain of what it was raised from; of what was merely being handled then, the
    nearest, and what that was raised from. None where there is neither.

    How often a chain repeats depends on the input; what was handled long before says nothing of it.
    """
    found, seen, handled = error, {id(error)}, False
    for _ in range(LONGEST_CHAIN):
        cause = cause_of(found)
        if cause is None and not handled:
            cause, handled = following(found), True
        if cause is None or id(cause) in seen:
            break
        seen.add(id(cause))
        found = cause
    return None if found is error else found


def leaves(error: BaseException) -> list[BaseException]:
    """The members of a group, of groups in it too; of another exception itself."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting and len(found) < MOST_LEAVES:
        one = waiting.pop()
        if issubclass(type(one), BaseExceptionGroup):
            waiting += reversed(members_of(one))
        else:
            found.append(one)
    return found


def escapes(error: BaseException) -> bool:
    """Whether `except Exception` lets it through."""
    return not issubclass(type(error), Exception)


def is_panic(kind: type) -> bool:
    return kind.__name__ == PANIC and not issubclass(kind, Exception)


def places(trace: TracebackType | None) -> Iterator[tuple[CodeType, int]]:
    """Code and line of each frame, outermost first."""
    while trace is not None:
        yield trace.tb_frame.f_code, trace.tb_lineno or trace.tb_frame.f_code.co_firstlineno
        trace = trace.tb_next


def name_of(kind: type) -> str:
    """ "ValueError", "struct.error": builtins without their module."""
    module = _module(kind)
    return str(_qualified(kind)) if module == "builtins" else f"{module}.{_qualified(kind)}"


def key_name(kind: type) -> str:
    """Its name, or of a class that was made while it ran ("Dyn17") that of what it is derived from, with a star."""
    for one in _bases(kind):
        if _written(one):
            return name_of(one) + ("" if one is kind else "*")
    return "BaseException*"


def message_of(error: BaseException) -> str:
    try:
        text = str(error)
        return text[:LONGEST_MESSAGE] if type(text) is str else str.__str__(text)[:LONGEST_MESSAGE]
    except BaseException as other:  # noqa: BLE001 - a target's own __str__ may raise anything
        return f"<str() of the exception raised {name_of(type(other))}>"


def _module(kind: type) -> str:
    module = kind.__dict__.get("__module__", "builtins")
    return module if type(module) is str else "?"


def _written(kind: type) -> bool:
    """Whether somebody has written this class down. A module's source that does not hold the word did not define it.

    What native code defines has no source, and is taken as it is.
    """
    module = _module(kind)
    if module == "builtins":
        return vars(builtins).get(_qualified(kind)) is kind
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py"):
        return True
    return _holds(file, _qualified(kind).rpartition(".")[2])


@lru_cache(maxsize=4096)
def _holds(file: str, word: str) -> bool:
    try:
        with open(file, "rb") as source:
            return re.search(rf"(?<!\w){re.escape(word)}(?!\w)".encode(), source.read(LARGEST_SOURCE)) is not None
    except OSError:
        return True


def trim(error: BaseException, trace: TracebackType | None) -> None:
    """Let its traceback begin there."""
    _Base.__traceback__.__set__(error, trace)
