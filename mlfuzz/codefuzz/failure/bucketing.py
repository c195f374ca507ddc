"""Keys of what an input raised: where in the code under test, of which type, through which causes.

group: kind, type, file and qualified function of the deepest frame inside the target. bucket: group, the line's offset
from the function's first line, the chain of causes. Line numbers alone would split a bug whenever a line is added
above; function names alone merge different exceptions.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from types import CodeType, TracebackType
from typing import Any

import mlfuzz.codefuzz

LONGEST_MESSAGE = 2000
LONGEST_TRACEBACK = 20_000
DEEPEST_CAUSE = 8
REPEATS = 8
"""A function that stands so often in a RecursionError's traceback belongs to the cycle."""

RUNNERS = frozenset({"atheris", "hypothesis", "_hypothesis_pytestplugin"})
"""Packages that stand between an engine and a harness's function."""

FOUNDATION, OTHER, TARGET, HARNESS = range(4)
"""Whose code a frame is: the standard library's or ours; somebody else's; the target's; the harness's."""

SAMPLED = frozenset({"hang", "slow"})
"""Kinds whose line is where a sample fell: in a loop it is another one each time, and no key."""

Place = tuple[str, int, str, int]
"""file (from the import path's folder), line, qualified function, its first line"""

OWN = os.path.dirname(os.path.abspath(mlfuzz.codefuzz.__file__))
"""The folder of our own frames, which say nothing of the code under test."""

INVARIANTS = os.path.join(os.path.dirname(OWN), "skew")
"""What checks a harness calls: the harness's function names what does not hold."""


class FrameOwners:
    """Sorts files into target, harness, foundations and others."""

    def __init__(self, packages: Iterable[str], harness: str, folders: Iterable[str]) -> None:
        self._harness = os.path.realpath(harness) if harness else ""
        self._packages = tuple(package.replace(".", "/") for package in packages)
        paths = sysconfig.get_paths()
        self._standard = {paths["stdlib"], paths["platstdlib"], os.path.dirname(os.__file__)}
        self._folders = sorted({os.path.abspath(one) for one in folders if one}, key=len, reverse=True)
        self._known: dict[str, tuple[int, str]] = {}

    def of(self, file: str) -> tuple[int, str]:
        """Whose a file is, and its name from the import path's folder on: the same on every machine."""
        if file not in self._known:
            self._known[file] = self._sort(file)
        return self._known[file]

    def _sort(self, file: str) -> tuple[int, str]:
        if self._harness and os.path.realpath(file) == self._harness:
            return HARNESS, os.path.basename(file)
        if file.startswith("<"):
            return FOUNDATION, file.rpartition("/")[2]
        path = os.path.abspath(file)
        name = next((path[len(one) + 1 :] for one in self._folders if path.startswith(one + os.sep)), "")
        name = name.replace(os.sep, "/")
        if self._wanted(name):
            return TARGET, name
        if path.startswith((OWN, INVARIANTS)):
            return FOUNDATION, name
        top = name.partition("/")[0].removesuffix(".py")
        standard = any(path.startswith(one + os.sep) for one in self._standard) and "site-packages" not in path
        if standard:
            within = next(path[len(one) + 1 :] for one in self._standard if path.startswith(one + os.sep))
            return (TARGET if self._wanted(within) else FOUNDATION), within
        return (FOUNDATION if top in RUNNERS else OTHER), name or os.path.basename(path)

    def _wanted(self, name: str) -> bool:
        """Whether a file, as the import path names it, belongs to a package of the target."""
        return any(name == f"{package}.py" or name.startswith(f"{package}/") for package in self._packages)


def name_of(kind: type) -> str:
    """ "ValueError", "struct.error": builtins without their module."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def places(trace: TracebackType | None) -> Iterator[tuple[CodeType, int]]:
    """Code and line of each frame, outermost first."""
    while trace is not None:
        yield trace.tb_frame.f_code, trace.tb_lineno or trace.tb_frame.f_code.co_firstlineno
        trace = trace.tb_next


def describe(kind: str, error: BaseException, territory: FrameOwners, *, brief: bool = False) -> dict[str, Any]:
    """Everything that a record says of an exception. kind: "" asks for the exception's own kind.

    brief: the keys alone, ten times as fast.
    """
    kind = kind or kind_of(error)
    _trim(error)
    leaves = list(_leaves(error))
    causes = [*_causes(error)]
    if kind == "group":
        causes = sorted({name_of(type(leaf)) for leaf in leaves}) + causes
    deepest = leaves[0] if leaves and kind == "group" else error
    stack = _stack(deepest, territory)
    if not any(sort in (TARGET, OTHER) for sort, _ in stack) and deepest is not error:
        stack = _stack(error, territory) + stack
    type_name = name_of(type(error))
    group, bucket = keys(kind, type_name, stack, causes)
    if brief:
        return {"kind": kind, "group": group, "bucket": bucket}
    sorts = {TARGET, OTHER} if any(sort in (TARGET, OTHER) for sort, _ in stack) else {HARNESS}
    frames = [f"{place[0]}:{place[1]}:{place[2]}" for sort, place in stack if sort in sorts]
    return {
        "kind": kind, "type": type_name, "message": message_of(error), "traceback": _text(error),
        "frames": _shortened(frames), "causes": causes, "group": group, "bucket": bucket,
    }  # fmt: skip


def _trim(error: BaseException) -> None:
    """Drop the wrapper's own frames from the top of the traceback."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and trace.tb_frame.f_code.co_filename.startswith(OWN):
        trace = trace.tb_next
    error.__traceback__ = trace


def kind_of(error: BaseException) -> str:
    """Most special first: RecursionError is a RuntimeError, and a group may be anything."""
    if isinstance(error, BaseExceptionGroup):
        return "group"
    for kind, name in (
        (RecursionError, "recursion"),
        (MemoryError, "memory-error"),
        (AssertionError, "assertion"),
        (SystemExit, "exit"),
    ):
        if isinstance(error, kind):
            return name
    return "exception"


def message_of(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException as other:  # noqa: BLE001 - a target's own __str__ may raise anything
        text = f"<str() of the exception raised {type(other).__name__}>"
    return text[:LONGEST_MESSAGE]


def keys(kind: str, type_name: str, stack: list[tuple[int, Place]], causes: list[str]) -> tuple[str, str]:
    """Group and bucket. stack: whose and where, outermost first."""
    if kind == "recursion":
        cycle = _cycle(stack)
        if cycle:
            group = f"{kind}:{type_name}:{cycle[0][0]}:{cycle[0][1]}"
            return group, ":".join([group, *(name for _, name in cycle[1:]), *causes])
    place = deepest(stack)
    if place is None:
        return f"{kind}:{type_name}", ":".join([f"{kind}:{type_name}", *causes])
    file, line, function, first = place
    group = f"{kind}:{type_name}:{file}:{function}"
    offset = [] if kind in SAMPLED else [f"+{line - first}"]
    return group, ":".join([group, *offset, *causes])


def deepest(stack: list[tuple[int, Place]]) -> Place | None:
    """The deepest frame of the target; of others where it has none, then of the harness, then any."""
    for wanted in ((TARGET,), (OTHER,), (HARNESS,), (FOUNDATION,)):
        for sort, place in reversed(stack):
            if sort in wanted:
                return place
    return None


def _cycle(stack: list[tuple[int, Place]]) -> list[tuple[str, str]]:
    counts: dict[tuple[str, str], int] = {}
    for _, place in stack:
        key = (place[0], place[2])
        counts[key] = counts.get(key, 0) + 1
    often = sorted(key for key, count in counts.items() if count >= REPEATS)
    sorts = {(place[0], place[2]): sort for sort, place in stack}
    return [key for key in often if sorts[key] != FOUNDATION] or often


def _stack(error: BaseException, territory: FrameOwners) -> list[tuple[int, Place]]:
    stack = []
    for code, line in places(error.__traceback__):
        sort, file = territory.of(code.co_filename)
        stack.append((sort, (file, line, code.co_qualname, code.co_firstlineno)))
    return stack


def _causes(error: BaseException) -> Iterator[str]:
    seen = {id(error)}
    for _ in range(DEEPEST_CAUSE):
        following = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if following is None or id(following) in seen:
            return
        seen.add(id(following))
        yield name_of(type(following))
        error = following


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


def _text(error: BaseException) -> str:
    try:
        text = _deep(error) if isinstance(error, RecursionError) else "".join(traceback.format_exception(error))
    except BaseException as other:  # noqa: BLE001 - see message_of
        text = f"{name_of(type(error))} (its traceback could not be written: {type(other).__name__})\n"
    if len(text) > LONGEST_TRACEBACK:
        half = LONGEST_TRACEBACK // 2
        text = f"{text[:half]}\n... {len(text) - LONGEST_TRACEBACK} characters left out ...\n{text[-half:]}"
    return text


def _deep(error: BaseException, *, ends: int = 20) -> str:
    """Both ends of a deep traceback: a thousand frames take a tenth of a second to write."""
    first, last = traceback.format_tb(error.__traceback__, ends), traceback.format_tb(error.__traceback__, -ends)
    tail = traceback.format_exception_only(error)
    return "".join(["Traceback (most recent call last):\n", *first, "  ...\n", *last, *tail])


def _shortened(frames: list[str], *, most: int = 60) -> list[str]:
    return frames if len(frames) <= most else [*frames[: most // 2], "...", *frames[-most // 2 :]]


def import_folders() -> list[str]:
    """Folders of the import path, longest first where they nest."""
    return [folder for folder in sys.path if folder]
