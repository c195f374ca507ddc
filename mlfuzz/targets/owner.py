"""Whose code something is: the user's own, a library's, or torch's and ours, which a version tells apart."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import sysconfig
from functools import lru_cache
from typing import Literal

Owner = Literal["user", "library", "core"]

OURS = ("mlfuzz.examples", "mlfuzz.testing")
"""Parts of mlfuzz that are targets themselves."""

HEAP_TYPE = 1 << 9
"""Of a class that is no part of the interpreter (Py_TPFLAGS_HEAPTYPE)."""

STANDARD = os.path.realpath(sysconfig.get_paths()["stdlib"]) + os.sep
INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
"""Folders below the standard library that are not of it."""


def owner(module: str, path: str | None) -> Owner:
    """Of code in a module of that name and file. core: known by its version (Python, torch, mlfuzz)."""
    top = module.partition(".")[0]
    if top in ("torch", "mlfuzz") and not module.startswith(OURS):
        return "core"
    if not path or path.startswith("<"):
        return "core" if module in sys.builtin_module_names or (path or "").startswith("<frozen") else "user"
    return _place(path)


@lru_cache(maxsize=4096)
def _place(path: str) -> Owner:
    if any(part in path for part in INSTALLED):
        return "library"
    return "core" if os.path.realpath(path).startswith(STANDARD) else "user"


def owner_of_class(kind: type) -> Owner:
    """By the module that it says it is of."""
    name = getattr(kind, "__module__", None) or ""
    if name == "builtins" and kind.__flags__ & HEAP_TYPE:  # made by exec, which names no module
        return "user"
    return owner(name, getattr(sys.modules.get(name), "__file__", None))


@lru_cache(maxsize=256)
def version_of(module: str) -> str:
    """What the library says of itself; "" where it says nothing."""
    top = module.partition(".")[0]
    said = getattr(sys.modules.get(top), "__version__", None)
    if isinstance(said, str):
        return said
    try:
        return importlib.metadata.version(top)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return ""
