"""Which exceptions a harness documents."""

from __future__ import annotations

import importlib
import re
import sys
from typing import Any

from mlfuzz.codefuzz.failure.raised import members_of

EXPLICIT = (RecursionError, MemoryError, SystemExit, KeyboardInterrupt, GeneratorExit)
"""Documented only where they are named themselves: RecursionError is a RuntimeError, and nobody means it by that."""


MOST_TYPES = 1024
"""So many types of exceptions are remembered, each with the rules that fit it."""


class Documented:
    """The documented exceptions of one harness. rules: (type's name, regular expression or "") each.

    home: the harness's module, where the names of its own exceptions are looked up.
    """

    def __init__(self, rules: list[tuple[str, str]], *, home: str = "") -> None:
        self._rules = [(name, _class_of(name, home), re.compile(match) if match else None) for name, match in rules]
        self._fitting: dict[type, list[Any]] = {}
        self.always: set[type] = set()
        self.unresolved = tuple(name for name, kind, _ in self._rules if kind is None)

    def covers(self, error: BaseException) -> bool:
        """Whether the harness documents it. A group is documented where each of its members is."""
        kind = type(error)
        fitting = self._fitting.get(kind)
        if fitting is None:
            if len(self._fitting) >= MOST_TYPES:  # classes made while it runs: to keep them all would be a leak of ours
                self._fitting.clear()
            fitting = self._fitting[kind] = [match for name, one, match in self._rules if _fits(kind, name, one)]
        if None in fitting:
            self.always.add(kind)
            return True
        if fitting:
            try:
                text = str(error)
            except BaseException:  # noqa: BLE001 - a target's own __str__ may raise anything
                text = ""
            if any(match.search(text) for match in fitting):
                return True
        members = members_of(error)
        return bool(members) and all(self.covers(one) for one in members)


def _fits(kind: type, name: str, wanted: type | None) -> bool:
    explicit = next((one for one in EXPLICIT if issubclass(kind, one)), None)
    if explicit is not None:
        return wanted is explicit or (wanted is not None and issubclass(wanted, explicit) and issubclass(kind, wanted))
    if wanted is not None:
        return issubclass(kind, wanted)
    names = {one.__qualname__ for one in kind.__mro__} | {
        f"{one.__module__}.{one.__qualname__}" for one in kind.__mro__
    }
    return name in names


def _class_of(name: str, home: str) -> type | None:
    """The class of that name; None where only the name can be compared."""
    module, _, attribute = name.rpartition(".")
    if not module and hasattr(sys.modules.get(home), name):
        module = home
    try:
        found = getattr(sys.modules.get(module or "builtins") or importlib.import_module(module), attribute, None)
    except Exception:  # noqa: BLE001 - the target's module may raise anything while it is imported
        return None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None
