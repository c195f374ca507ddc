"""Stacks as faulthandler writes them: parsed, and their functions named in full."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from mlfuzz.codefuzz.failure.bucketing import FrameOwners, Place
from mlfuzz.codefuzz.failure.nameless import NAMELESS

FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$')
HEADING = re.compile(r"^(Current thread|Thread|Stack) ")

Raw = tuple[str, int, str]
"""file, line, function as the code object calls it"""


def dumps(text: str) -> list[list[Raw]]:
    """The stacks in a text, each outermost first; several signals give several."""
    found: list[list[Raw]] = []
    for line in text.splitlines():
        if HEADING.match(line):
            found.append([])
        elif found and (match := FRAME.match(line)):
            found[-1].append((match[1], int(match[2]), match[3]))
    return [stack[::-1] for stack in found if stack]


def common(stacks: list[list[Raw]]) -> list[Raw]:
    """The outer frames that all samples share: where a loop is, not where a sample fell. Lines of the last one."""
    if not stacks:
        return []
    shared: list[Raw] = []
    for frames in zip(*stacks, strict=False):
        if len({(frame[0], frame[2]) for frame in frames}) > 1:
            break
        shared.append(frames[-1])
        if len({frame[1] for frame in frames}) > 1:
            break
    return shared


def readable(text: str) -> str:
    """A text with stacks, for people: without the frames of what ran the harness, and each stack once.

    Tracebacks of exceptions hold none of them, and stay as they are.
    """
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if HEADING.match(line):
            blocks.append([])
        frame = FRAME.match(line)
        if frame is None or not (frame[1].startswith("<frozen ") or _RUNS.search(frame[1])):
            blocks[-1].append(line)
    kept = dict.fromkeys("\n".join(block).rstrip() for block in blocks)
    whole = "\n".join(block for block in kept if block)
    return whole + "\n" if whole and whole != text.rstrip("\n") else text


_RUNS = re.compile(r"[/\\]mlfuzz[/\\]codefuzz[/\\]\w+\.py$")


def placed(stack: list[Raw], territory: FrameOwners) -> list[tuple[int, Place]]:
    """With whose code each frame is, its function's full name and first line."""
    frames = []
    for file, line, function in stack:
        sort, name = territory.of(file)
        full, first = enclosing(file, line, function)
        frames.append((sort, (name, line, full, first)))
    return frames


def enclosing(file: str, line: int, function: str) -> tuple[str, int]:
    """Full name and first line of the function around a line; what is known where the source cannot be read.

    function: its short name, "" where that is not known. Of a lambda or a comprehension, which has no line of its own,
    the first line is that of the named function around it.
    """
    if function in NAMELESS:
        name, first = enclosing(file, line, "")
        inside = name != "<module>" and _functions(file)
        return (f"{name}.<locals>.{function}" if inside else function), first
    best = (function, line)
    for name, first, last in _functions(file):
        if first <= line <= last and function in ("", name.rpartition(".")[2]):
            best = (name, first)
    return best if best[0] else ("<module>", 1)


@lru_cache(maxsize=64)
def _functions(file: str) -> tuple[tuple[str, int, int], ...]:
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return ()
    found: list[tuple[str, int, int]] = []
    _walk(tree, "", found)
    return tuple(found)


def _walk(node: ast.AST, prefix: str, found: list[tuple[str, int, int]]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([child.lineno, *(one.lineno for one in child.decorator_list)])
            found.append((f"{prefix}{child.name}", first, child.end_lineno or child.lineno))
            _walk(child, f"{prefix}{child.name}.<locals>.", found)
        elif isinstance(child, ast.ClassDef):
            _walk(child, f"{prefix}{child.name}.", found)
        else:
            _walk(child, prefix, found)
