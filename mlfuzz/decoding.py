"""JSON and TOML from whoever wrote it: what cannot be read raises one kind of error, whatever its bytes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

DEEPEST = 100
"""Lists and tables within one another. No record of ours has ten, and what is read is walked by recursion."""

_TEXT = re.compile(rb'"(?:[^"\\]+|\\.)*"?', re.DOTALL)
"""A text, also one without its end: a pattern that could fail would try again from each quotation mark."""
_BRACKET = re.compile(rb"[\[\]{}]")


def json_as(data: bytes, kind: type[T]) -> T:
    """A record. Raises msgspec.DecodeError, nothing else."""
    require_shallow(data)
    try:
        return msgspec.json.decode(data, type=kind)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"no UTF-8: {error}") from error


def require_shallow(data: bytes) -> None:
    """Raises msgspec.DecodeError where JSON is nested more than DEEPEST deep: decoders end it with RecursionError."""
    if data.count(b"[") + data.count(b"{") <= DEEPEST:
        return
    depth = 0
    for bracket in _BRACKET.findall(_TEXT.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEEPEST:
            raise msgspec.DecodeError(f"nested more than {DEEPEST} deep")


def toml_table(text: str) -> dict[str, Any]:
    """A document. Raises ValueError, tomllib.TOMLDecodeError among them, nothing else."""
    try:
        table = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError(f"nested more than {DEEPEST} deep") from error
    except tomllib.TOMLDecodeError as error:
        if "twice" in str(error) or "immutable" in str(error):
            raise ValueError(f"{error}; what stands on one line in {{ }} is added to in its braces alone") from error
        raise
    level: list[Any] = [table]
    for _ in range(DEEPEST):
        level = [part for item in level for part in _parts(item)]
        if not level:
            return table
    raise ValueError(f"nested more than {DEEPEST} deep")


def _parts(item: Any) -> Iterable[Any]:
    return item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
