"""pytest's marks on a test, read without pytest's machinery: the case that an id in brackets names."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

SHOWN = 20


def split(entry: str) -> tuple[list[str], str | None]:
    """ "::TestCase::test_prop[a-1]" -> the names on the way to it, and the id; None where there is none."""
    names, bracket, rest = entry.strip(":").partition("[")
    return names.split("::"), rest.removesuffix("]") if bracket else None


def marks(test: Any, owner: type | None, name: str) -> list[Any]:
    """The marks of that name: the test's own, nearest first, then its class's."""
    own = [*getattr(test, "pytestmark", ())]
    classes = [mark for one in getattr(owner, "__mro__", ()) for mark in _listed(vars(one).get("pytestmark", ()))]
    return [mark for mark in (*own, *classes) if mark.name == name]


def marked(test: Any, owner: type | None, name: str) -> list[str]:
    """The texts that marks of that name are given: names of fixtures."""
    return [str(one) for mark in marks(test, owner, name) for one in mark.args]


def values(test: Any, owner: type | None, chosen: str | None) -> dict[str, Any]:
    """The arguments of the case of that id; {} of a test without cases. Raises LookupError, with the ids there are."""
    found = marks(test, owner, "parametrize")
    if not found:
        if chosen is not None:
            raise LookupError(f"it is not parametrized; leave out [{chosen}]")
        return {}
    cases = {}
    for parts in itertools.product(*(list(_cases(mark)) for mark in found)):
        cases["-".join(one for one, _ in parts)] = {name: value for _, one in parts for name, value in one.items()}
    if chosen not in cases:
        names = ", ".join(f"[{one}]" for one in list(cases)[:SHOWN])
        raise LookupError(f"name one of its cases in brackets: {names}{', ...' if len(cases) > SHOWN else ''}")
    return dict(cases[chosen])


def _cases(mark: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Id and arguments of each case of one mark, as pytest names them."""
    arguments = dict(zip(("argnames", "argvalues"), mark.args, strict=False)) | mark.kwargs
    names = arguments["argnames"]
    names = [one.strip() for one in names.split(",") if one.strip()] if isinstance(names, str) else list(names)
    ids = arguments.get("ids")
    rows = list(arguments["argvalues"])
    given = None if ids is None or callable(ids) else list(ids)
    for number, row in enumerate(rows):
        marked_as = getattr(row, "id", None) if hasattr(row, "marks") else None
        row = row.values if hasattr(row, "marks") else [row] if len(names) == 1 else list(row)
        label = marked_as or (given[number] if given is not None else None)
        text = str(label) if label is not None else "-".join(_labels(names, row, number, ids))
        yield text, dict(zip(names, row, strict=True))


def _labels(names: Sequence[str], row: Sequence[Any], number: int, ids: Any) -> Iterator[str]:
    for name, value in zip(names, row, strict=True):
        own = ids(value) if callable(ids) else None
        yield str(own) if own is not None else _label(name, value, number)


def _label(name: str, value: Any, number: int) -> str:
    if isinstance(value, str):
        return value.encode("unicode_escape").decode("ascii")
    if isinstance(value, bytes):
        return value.decode("ascii", "backslashreplace")
    if value is None or isinstance(value, (bool, int, float, complex)):
        return str(value)
    if isinstance(value, enum.Enum):
        return str(value)
    called = getattr(value, "__name__", None)
    return called if isinstance(called, str) else f"{name}{number}"


def _listed(found: Any) -> Sequence[Any]:
    return found if isinstance(found, (list, tuple)) else [found]
