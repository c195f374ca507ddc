"""A text that a regular expression matches: what atheris.gen_match gives, without atheris.

The first of several branches, each repetition as seldom as it may be, of a class its first member. Held against atheris
by a test.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Any, AnyStr

_parser: Any = importlib.import_module("re._parser")

PRINTED = {chr(code) for code in range(0x20, 0x7E)} | {"\t", "\n"}
"""Of these one is taken that a negated class does not exclude."""

OF_CATEGORY = {
    "CATEGORY_DIGIT": "0", "CATEGORY_NOT_DIGIT": "a", "CATEGORY_SPACE": " ", "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_WORD": "a", "CATEGORY_NOT_WORD": " ",
}  # fmt: skip


def gen_match(pattern: AnyStr) -> AnyStr:
    """A text, or bytes, that the pattern matches; looks around in its middle, and back, are left out."""
    parts = list(_parser.parse(pattern))
    text = _written(parts, outermost=True)
    return text if isinstance(pattern, str) else text.encode("latin-1", "replace")


def _written(parts: Sequence[tuple[Any, Any]], *, outermost: bool = False) -> str:
    text = ""
    for at, (operator, argument) in enumerate(parts):
        name = str(operator)
        if name == "ASSERT" and outermost:
            ahead = argument[0] > 0
            if ahead and at == len(parts) - 1:
                text += _written(argument[1])
            elif not ahead and at == 0:
                text = _written(argument[1]) + text
            continue
        text += _one(name, argument)
    return text


def _one(name: str, argument: Any) -> str:
    if name == "LITERAL":
        return chr(argument)
    if name == "ANY":
        return "a"
    if name == "BRANCH":
        return _written(argument[1][0])
    if name == "RANGE":
        return chr(argument[1])
    if name == "IN":
        return _member(argument)
    if name == "SUBPATTERN":
        return _written(argument[3])
    if name in ("MAX_REPEAT", "MIN_REPEAT"):
        return _written(argument[2]) * int(argument[0])
    return OF_CATEGORY.get(str(argument), "") if name == "CATEGORY" else ""


def _member(members: Sequence[tuple[Any, Any]]) -> str:
    if str(members[0][0]) != "NEGATE":
        return _written(members[:1])
    allowed = PRINTED - set(_excluded(members[1:]))
    return next(iter(allowed), "")


def _excluded(members: Iterable[tuple[Any, Any]]) -> Iterable[str]:
    for operator, argument in members:
        if str(operator) == "LITERAL":
            yield chr(argument)
        elif str(operator) == "RANGE":
            yield from map(chr, range(argument[0], argument[1] + 1))
