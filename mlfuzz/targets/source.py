"""The user's own code, as far as it decides what a target answers: part of its digest."""

from __future__ import annotations

import inspect
from typing import Any


def source_of(part: Any) -> str:
    """Source text of a class or function; its name where the source cannot be read, "" for None."""
    part = getattr(part, "__wrapped__", part)
    if part is None:
        return ""
    try:
        return inspect.getsource(part)
    except (OSError, TypeError):
        return f"{getattr(part, '__module__', '')}.{getattr(part, '__qualname__', type(part).__qualname__)}"
