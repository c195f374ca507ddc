"""Keys of what an input raised: where in the code under test, of which type, through which causes.

group: kind, type, file and qualified function of the deepest frame inside the target. bucket: group, the line's offset
from the function's first line, the chain of causes. Line numbers alone would split a bug whenever a line is added
above; function names alone merge different exceptions. What an input may choose is in no key: the name of a class made
on the way, code made from text, how deep it went, how often a cause repeats, which members a group has but the first.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Iterable
from typing import Any

import mlfuzz.codefuzz
from mlfuzz.codefuzz.failure import last_words, raised
from mlfuzz.codefuzz.failure.last_words import LastWords
from mlfuzz.codefuzz.failure.nameless import home
from mlfuzz.codefuzz.failure.raised import key_name, message_of, name_of
from mlfuzz.codefuzz.failure.traceback_text import text_of

REPEATS = 8
"""A function that stands so often in a RecursionError's traceback belongs to the cycle."""

RUNNERS = frozenset({"atheris", "hypothesis", "_hypothesis_pytestplugin"})
"""Packages that stand between an engine and a harness's function."""
CYCLE_SHARE = 4
"""What stands there less than this part as often as the commonest function was called a few times on the way."""

FOUNDATION, OTHER, TARGET, HARNESS = range(4)
"""Whose code a frame is: the standard library's or ours; somebody else's; the target's; the harness's."""

LOOKUPS = frozenset({"__getitem__", "__getattr__", "__getattribute__", "__missing__", "__delitem__", "__delattr__"})
"""Methods by which a class answers as builtins do: whoever has asked them for what is not there is the place."""

SAMPLED = frozenset({"hang", "slow"})
"""Kinds whose line is where a sample fell: in a loop it is another one each time, and no key."""

Place = tuple[str, int, str, int]
"""file (from the import path's folder), line, qualified function, the line that offsets count from"""

CYTHON = (".pyx", ".pxd", ".pxi")
"""Files of Cython's frames. Each of these claims to begin at its own line, so the line itself is the key."""

_BUILT = re.compile(r"^(?:\./|\.\./)*(?:(?:src|lib|build/[^/]+)/)?")
"""What Cython's frames have before the package: they name the file as the build did."""

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
        if file.endswith(CYTHON):
            return self._cython(file.replace(os.sep, "/"))
        path = os.path.abspath(file)
        name = next((path[len(one) + 1 :] for one in self._folders if path.startswith(one + os.sep)), "")
        name = name.replace(os.sep, "/")
        if self._wanted(name):
            return TARGET, name
        if not _on_disk(path):
            return FOUNDATION, "<generated>"
        if path.startswith((OWN, INVARIANTS)):
            return FOUNDATION, name
        top = name.partition("/")[0].removesuffix(".py")
        standard = any(path.startswith(one + os.sep) for one in self._standard) and "site-packages" not in path
        if standard:
            within = next(path[len(one) + 1 :] for one in self._standard if path.startswith(one + os.sep))
            return (TARGET if self._wanted(within) else FOUNDATION), within
        return (FOUNDATION if top in RUNNERS else OTHER), name or os.path.basename(path)

    def _cython(self, file: str) -> tuple[int, str]:
        inside = [file[at + 1 :] for at in range(-1, len(file)) if at < 0 or file[at] == "/"]
        found = next((one for one in inside if self._wanted(f"{one.rpartition('.')[0]}.py")), "")
        return (TARGET, found) if found else (OTHER, _BUILT.sub("", file))

    def _wanted(self, name: str) -> bool:
        """Whether a file, as the import path names it, belongs to a package of the target."""
        return any(name == f"{package}.py" or name.startswith(f"{package}/") for package in self._packages)


def describe(
    kind: str, error: BaseException, territory: FrameOwners, *, brief: bool = False, printed: str = ""
) -> dict[str, Any]:
    """Everything that a record says of an exception. kind: "" asks for the exception's own kind.

    brief: the keys alone, ten times as fast. printed: what native code has said of it.
    """
    kind = kind or kind_of(error)
    _trim(error)
    leaves, chain = raised.leaves(error), [*raised.causes(error)]
    deepest = leaves[0] if leaves and kind == "group" else error
    stack = _stack(deepest, territory)
    if not any(sort in (TARGET, OTHER) for sort, _ in stack) and deepest is not error:
        stack = _stack(error, territory) + stack
    origin = raised.root(error)
    through = deepest if kind == "group" and leaves else origin
    words = last_words.parse(printed) if printed else None
    words = words or last_words.placed(message_of(error))
    if words is None and raised.is_panic(type(error)):
        words = LastWords("Rust", "panic", message_of(error))
    came_from = key_name(type(through)) if through is not None else ""
    asked = _asked(stack) if issubclass(type(error), LookupError | AttributeError) else stack
    group, bucket = keys(kind, key_name(type(error)), asked, came_from, words)
    if brief:
        return {"kind": kind, "group": group, "bucket": bucket}
    names = sorted({name_of(type(leaf)) for leaf in leaves}) if kind == "group" else []
    return {
        "kind": kind, "type": name_of(type(error)), "message": message_of(error), "traceback": text_of(error),
        "frames": [*_shortened(frames_of(stack)), *([words.frame] if words and words.frame else [])],
        "causes": [*names, *(name_of(type(one)) for one in chain)], "group": group, "bucket": bucket,
        "escapes": raised.escapes(error), "origin": _origin(origin, territory),
    }  # fmt: skip


def frames_of(stack: list[tuple[int, Place]]) -> list[str]:
    """ "file:line:function" of the target's frames and others'; of the harness's where there are none."""
    sorts = {TARGET, OTHER} if any(sort in (TARGET, OTHER) for sort, _ in stack) else {HARNESS}
    return [f"{place[0]}:{place[1]}:{place[2]}" for sort, place in stack if sort in sorts]


def _origin(origin: BaseException | None, territory: FrameOwners) -> str:
    """ "KeyError at acme.py:12:field"."""
    place = deepest(_stack(origin, territory)) if origin is not None else None
    return f"{name_of(type(origin))} at {place[0]}:{place[1]}:{place[2]}" if place else ""


def _trim(error: BaseException) -> None:
    """Drop the wrapper's own frames from the top of the traceback."""
    trace = raised.trace_of(error)
    while trace is not None and trace.tb_next is not None and trace.tb_frame.f_code.co_filename.startswith(OWN):
        trace = trace.tb_next
    raised.trim(error, trace)


def kind_of(error: BaseException) -> str:
    """Most special first: RecursionError is a RuntimeError, and a group may be anything."""
    for kind, name in (
        (BaseExceptionGroup, "group"),
        (RecursionError, "recursion"),
        (MemoryError, "memory-error"),
        (AssertionError, "assertion"),
        (SystemExit, "exit"),
    ):
        if issubclass(type(error), kind):
            return name
    return "exception"


def keys(
    kind: str, type_name: str, stack: list[tuple[int, Place]], origin: str = "", words: LastWords | None = None
) -> tuple[str, str]:
    """Group and bucket. stack: whose and where, outermost first. origin: type of what it goes back to, "" where it has
    none. words: of native code, where it has said where."""
    if words is not None and words.place:
        group = f"{kind}:{type_name}:{words.place}"
        return group, group
    through = [origin] if origin else []
    place = deepest(stack)
    if kind in ("recursion", "overflow") and (entry := _entry(stack)):
        if place is not None and entry[0] == FOUNDATION and any(sort != FOUNDATION for sort, _ in stack):
            group = f"{kind}:{type_name}:{place[0]}:{place[2]}"
            return group, f"{group}:{entry[1][2]}"
        group = f"{kind}:{type_name}:{entry[1][0]}:{entry[1][2]}"
        return group, group
    said = [words.key] if words is not None and words.key else []
    if place is None:
        group = ":".join([f"{kind}:{type_name}", *said])
        return group, ":".join([group, *through])
    file, line, function, first = place
    group = ":".join([f"{kind}:{type_name}:{file}:{function}", *said])
    exact = f"L{line}" if file.endswith(CYTHON) else f"+{line - first}"
    return group, ":".join([group, *([] if kind in SAMPLED else [exact]), *through])


def deepest(stack: list[tuple[int, Place]]) -> Place | None:
    """The deepest frame of the target; of others where it has none, then of the harness, then any."""
    for wanted in ((TARGET,), (OTHER,), (HARNESS,), (FOUNDATION,)):
        for sort, place in reversed(stack):
            if sort in wanted:
                return place
    return None


def _asked(stack: list[tuple[int, Place]]) -> list[tuple[int, Place]]:
    """Without the look-up itself at its end: a class that is a mapping is not to blame for what it is asked for."""
    end = len(stack)
    while end and (stack[end - 1][0] == FOUNDATION or stack[end - 1][1][2].rpartition(".")[2] in LOOKUPS):
        end -= 1
    return stack[:end] if any(sort in (TARGET, OTHER) for sort, _ in stack[:end]) else stack


def _entry(stack: list[tuple[int, Place]]) -> tuple[int, Place] | None:
    """Where a cycle of calls is entered: its outermost function, of the target's before others'.

    Which functions turn in it depends on the input (a list in a list, a map in a list); where it begins hardly ever.
    """
    counts: dict[tuple[str, str], int] = {}
    for _, place in stack:
        key = (place[0], place[2])
        counts[key] = counts.get(key, 0) + 1
    least = max(REPEATS, max(counts.values(), default=0) // CYCLE_SHARE)
    often = [one for one in stack if counts[one[1][0], one[1][2]] >= least]
    return next((one for one in often if one[0] != FOUNDATION), often[0] if often else None)


def _stack(error: BaseException, territory: FrameOwners) -> list[tuple[int, Place]]:
    stack = []
    for code, line in raised.places(raised.trace_of(error)):
        sort, file = territory.of(code.co_filename)
        first = home(code, line) if sort != FOUNDATION else code.co_firstlineno
        stack.append((sort, (file, line, code.co_qualname, first)))
    return stack


def _on_disk(path: str) -> bool:
    """Whether there is such a file, or an archive that it lies in; code made from text may have any name."""
    while path and path != os.path.dirname(path):
        if os.path.isfile(path):
            return True
        if os.path.isdir(path):
            return False
        path = os.path.dirname(path)
    return False


def _shortened(frames: list[str], *, most: int = 60) -> list[str]:
    return frames if len(frames) <= most else [*frames[: most // 2], "...", *frames[-most // 2 :]]


def import_folders() -> list[str]:
    """Folders of the import path, longest first where they nest."""
    return [folder for folder in sys.path if folder]
