"""Names of harnesses: a file of that name must hide no module, else what imports the module gets the harness."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from pathlib import Path

from mlfuzz.targets.find import import_roots

USABLE = re.compile(r"[a-z_][a-z0-9_]*")


def objection(name: str, project: Path, tests: Iterable[str]) -> str:
    """Why a new harness cannot be called so, with another name; "" where it can. tests: modules that it tests."""
    if not USABLE.fullmatch(name):
        return f"{name!a} is no name for a harness; use small letters, digits and '_', as for a Python module"
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return f"{name!a} is a word of Python's, and no name for a harness{_other(name)}"
    if name in {one.partition(".")[0] for one in tests}:
        return f"a harness called {name} would import itself in the place of {name}, which it tests{_other(name)}"
    if name in sys.stdlib_module_names:
        return f"a harness called {name} would hide {name} of the standard library{_other(name)}"
    if place := _module(name, [str(one) for one in import_roots(project)]):
        return f"a harness called {name} would hide {name} of this project ({place}){_other(name)}"
    if place := _module(name, sys.path):
        return f"a harness called {name} would hide the installed {name} ({place}){_other(name)}"
    return ""


def _other(name: str) -> str:
    return f"; write mlfuzz harness new fuzz_{name}"


def _module(name: str, folders: list[str]) -> str:
    """Where a module of that name lies; "" where none does. A folder of other files is none."""
    spec = PathFinder.find_spec(name, [folder for folder in folders if folder])
    return spec.origin or "" if spec is not None else ""
