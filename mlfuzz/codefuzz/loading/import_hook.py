"""Finds the harness, and what its declaration names, and has their code instrumented.

What a harness instruments itself is found by atheris' own finder, beside this one.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any


class Finder:
    """Goes in front of sys.meta_path. package: of the harness itself; wanted: packages and modules that it names.

    own: numbers of the counters in the harness's own code.
    Not a finder of atheris' class: a block of the harness's own would take it for another block's, do nothing, and
    remove it at its end.
    """

    def __init__(self, atheris: Any, package: str, wanted: Iterable[str]) -> None:
        self._reserve = atheris._reserve_counter
        self._package, self._wanted = package, (package, *wanted)
        self.own: set[int] = set()

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """What the finders behind this one find, with a loader that instruments."""
        if not within(name, self._wanted):
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            spec = finder.find_spec(name, path, target) if hasattr(finder, "find_spec") else None
            if spec is not None and spec.loader is not None:
                loader = spec.loader = _instrumenting(spec.loader)
                if within(name, [self._package]):
                    loader.get_code = self._counting(loader.get_code)
                return spec
        return None

    def _counting(self, load: Callable[[str], CodeType | None]) -> Callable[[str], CodeType | None]:
        """`load`, which notes the counters of the code that it gives."""

        def get_code(fullname: str) -> CodeType | None:
            first = self._reserve()
            code = load(fullname)
            self.own.update(range(first + 1, self._reserve()))
            return code

        return get_code


def within(name: str, packages: Iterable[str]) -> bool:
    """Whether a module is one of these or inside one of them."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _instrumenting(loader: Any) -> Any:
    """As atheris chooses it; the same where there is no Python code to instrument."""
    hook: Any = sys.modules["atheris.import_hook"]
    if isinstance(loader, (type, importlib.machinery.ExtensionFileLoader)):  # a class: built in, or frozen
        return loader
    if isinstance(loader, importlib.machinery.SourceFileLoader):
        return hook.AtherisSourceFileLoader(loader.name, loader.path, True)
    if isinstance(loader, importlib.machinery.SourcelessFileLoader):
        return hook.AtherisSourcelessFileLoader(loader.name, loader.path, True)
    try:
        return hook.make_dynamic_atheris_loader(loader, True)
    except Exception:  # noqa: BLE001 - a loader that cannot be copied: its module runs without
        return loader
