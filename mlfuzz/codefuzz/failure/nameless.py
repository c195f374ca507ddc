"""Lambdas and comprehensions: they have no name of their own, so a line in them counts from what they stand in.

From its own first line a lambda's would always be the first, and all lambdas of a table one place.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from types import CodeType

NAMELESS = frozenset({"<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})

LARGEST = 1 << 18
"""Bytes of a file that is read for it: parsing more takes too long between two inputs."""


def home(code: CodeType, line: int) -> int:
    """The line that offsets of `line` count from: its function's first, or that of the named function around it."""
    if code.co_name not in NAMELESS:
        return code.co_firstlineno
    around = [first for first, last in _functions(code.co_filename) if first <= line <= last]
    return max(around, default=1)


@lru_cache(maxsize=64)
def _functions(file: str) -> tuple[tuple[int, int], ...]:
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read(LARGEST))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return tuple((one.lineno, one.end_lineno or one.lineno) for one in ast.walk(tree) if isinstance(one, kinds))
