"""Text that a regular expression takes, drawn at random or as short as it can be.

Read from Python's own parse of the expression; what looks around is left out of account, and what is drawn is proved
against the expression by whoever asked for it.
"""

from __future__ import annotations

import importlib
import re
from random import Random
from typing import Any

_parser: Any = importlib.import_module("re._parser")

MOST_REPEATS = 6
"""More than the least number of times that something is repeated."""

OTHERS = "abcxyzABC0189_ -+*/.,:;!?#%&=<>()[]{}'\"\\\n\t\u00e9\u4e2d"
"""What a dot or an excluding class is drawn from."""

_CLASSES = {
    "CATEGORY_DIGIT": "0123456789", "CATEGORY_SPACE": " \n\t", "CATEGORY_WORD": "abcXYZ019_",
    "CATEGORY_NOT_DIGIT": "ab _-", "CATEGORY_NOT_SPACE": "ab0_-", "CATEGORY_NOT_WORD": " -+.",
}  # fmt: skip


class Drawn:
    """Draws text for one expression. Raises re.error where it is none."""

    def __init__(self, expression: str, flags: int = 0) -> None:
        self._taken = re.compile(expression, flags)
        self._parsed = _parser.parse(expression, flags)
        self._groups: dict[int, str] = {}

    def text(self, rng: Random | None, tries: int = 20) -> str | None:
        """At random, or without rng the shortest that is found; None where nothing drawn is taken."""
        for _ in range(tries):
            self._groups.clear()
            found = self._sequence(self._parsed, rng)
            if found and self._taken.fullmatch(found):
                return found
            if rng is None:
                rng = Random(0)
        return None

    def takes(self, text: str) -> bool:
        """Whether all of a text is one."""
        return self._taken.fullmatch(text) is not None

    def _sequence(self, items: Any, rng: Random | None) -> str:
        return "".join(self._item(str(kind), value, rng) for kind, value in items)

    def _item(self, kind: str, value: Any, rng: Random | None) -> str:
        if kind == "LITERAL":
            return chr(value)
        if kind in ("ANY", "NOT_LITERAL"):
            return _one([one for one in OTHERS if one != "\n" and (kind == "ANY" or ord(one) != value)], rng)
        if kind == "IN":
            return self._class(value, rng)
        if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, items = value
            most = least if rng is None else min(int(most), least + MOST_REPEATS)
            times = least if rng is None else rng.randint(least, most)
            return "".join(self._sequence(items, rng) for _ in range(times))
        if kind == "SUBPATTERN":
            found = self._sequence(value[3], rng)
            self._groups[value[0]] = found
            return found
        if kind == "ATOMIC_GROUP":
            return self._sequence(value, rng)
        if kind == "BRANCH":
            choices = [self._sequence(one, rng) for one in value[1]]
            return min(choices, key=len) if rng is None else rng.choice(choices)
        if kind == "GROUPREF":
            return self._groups.get(value, "")
        return ""  # AT, ASSERT, ASSERT_NOT and the like: whether they hold is seen in the end

    def _class(self, items: Any, rng: Random | None) -> str:
        found: list[str] = []
        excluded = False
        for kind, value in items:
            if str(kind) == "NEGATE":
                excluded = True
            elif str(kind) == "LITERAL":
                found.append(chr(value))
            elif str(kind) == "RANGE":
                low, high = value
                found += [chr(low), chr(high)] if rng is None else [chr(rng.randint(low, high)) for _ in range(3)]
                if excluded:
                    found += [one for one in OTHERS if low <= ord(one) <= high]
            else:
                found += _CLASSES.get(str(value), "")
        return _one([one for one in OTHERS if one not in found] if excluded else found, rng)


def _one(choices: list[str], rng: Random | None) -> str:
    if not choices:
        return ""
    return choices[0] if rng is None else rng.choice(choices)
