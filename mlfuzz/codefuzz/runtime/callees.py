"""Whose code an input's run calls, and that what tells of it is not counted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any


class Calls:
    """Stands around the harness's function. passed: modules, with what is below them, that are not told.

    edges: of instrumented code, while the function ran and not before or after. called: names of the modules whose
    Python functions ran; native ones where they are not of the standard library.
    """

    def __init__(self, entry: Callable[[bytes], Any], passed: Iterable[str]) -> None:
        self._entry, self._passed = entry, frozenset(passed)
        self.edges: set[int] = set()
        self.called: set[str] = set()

    def __call__(self, data: bytes) -> None:
        atheris: Any = sys.modules.get("atheris")
        genuine = getattr(atheris, "_trace_branch", None)
        atheris._trace_branch = self.edges.add
        sys.setprofile(self._note)
        try:
            self._entry(data)
        finally:
            sys.setprofile(None)
            atheris._trace_branch = genuine

    def _note(self, frame: FrameType, event: str, callee: Any) -> None:
        if event == "call":
            name = frame.f_globals.get("__name__")
            name = None if str(name).startswith("_") else name  # finders of imports: _distutils_hack, __editable__...
        elif event == "c_call":
            owner = getattr(callee, "__self__", None)
            name = getattr(callee, "__module__", None) or getattr(type(owner), "__module__", None)
            name = None if str(name).partition(".")[0].removeprefix("_") in sys.stdlib_module_names else name
        else:
            return
        if isinstance(name, str) and name.partition(".")[0] not in self._passed:
            self.called.add(name)


def uncounted(call: Callable[..., None]) -> Callable[..., None]:
    """`call`, whose edges count for no input: where everything is instrumented, so is what writes a traceback."""
    atheris: Any = sys.modules["atheris"]

    def silent(*arguments: Any) -> None:
        genuine, atheris._trace_branch = atheris._trace_branch, _nothing
        try:
            call(*arguments)
        finally:
            atheris._trace_branch = genuine

    return silent


def _nothing(edge: int) -> None:
    """In place of the count."""
