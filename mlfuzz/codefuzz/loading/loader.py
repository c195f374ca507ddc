"""The harness, imported by name in the child, with the packages it names instrumented.

Code that is loaded from a path gives no coverage, so the harness becomes a module of a package of its own whose only
folder is the file's.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import sys
import sysconfig
import time
import types
from collections.abc import Callable
from typing import Any, cast

from mlfuzz.codefuzz.corpus.dictionary import chosen
from mlfuzz.codefuzz.loading import script
from mlfuzz.codefuzz.loading.handover import Entry, Handover
from mlfuzz.codefuzz.loading.import_hook import within
from mlfuzz.codefuzz.loading.stand import PACKAGE, AtherisStand, PlainStand, loader_of

PROPERTY = "mlfuzz.codefuzz.loading.property_test"
"""Imported only for a test of Hypothesis, which it brings along."""

VARIADIC = 0x04
"""The flag of code that takes *args (inspect.CO_VARARGS)."""

SURVIVORS = frozenset({
    "abc", "atheris", "builtins", "codecs", "collections", "contextlib", "encodings", "enum", "faulthandler",
    "functools", "gc", "importlib", "io", "keyword", "linecache", "logging", "marshal", "mlfuzz", "operator", "os",
    "posixpath", "re", "reprlib", "site", "socket", "stat", "sys", "threading", "traceback", "types", "typing",
    "warnings", "weakref", "zipimport",
})  # fmt: skip
"""Packages that cannot be imported a second time without breaking what already uses them."""

BROUGHT = ("ctypes", "hashlib", "json", "platform", "selectors", "signal", "struct", "sysconfig")
"""Packages that only the fuzzer has imported: a script of atheris finds them not imported yet, and instruments them."""


class Loaded:
    """What importing gave. entry: the function that takes bytes; home: the harness's module; fresh: modules that came
    with it. mutator, crossover: the harness's own.

    instrumented: modules that give coverage; own: counters of the harness's own code. arguments: that the file hands to
    libFuzzer.
    """

    def __init__(self, entry: Entry, home: str, seconds: float, before: frozenset[str]) -> None:
        self.entry, self.home, self.seconds = entry, home, seconds
        self.fresh = frozenset(sys.modules) - before
        self.mutator: Callable[..., bytes] | None = None
        self.crossover: Callable[..., bytes] | None = None
        self.arguments: tuple[str, ...] = ()
        self.cached = False
        self.uninstrumented: tuple[str, ...] = ()
        self.instrumented: tuple[str, ...] = ()
        self.own: frozenset[int] = frozenset()
        self.constants: list[bytes] = []
        self.warnings: list[str] = []


def load(spec: dict[str, Any], serve: Callable[[Loaded], object]) -> None:
    """Import preload and harness, then serve: from inside the file's call of atheris.Fuzz, else at its end.

    Whatever the harness raises goes on to the caller.
    """
    _Loading(spec, serve).run()


class _Loading:
    """Of one harness, once."""

    def __init__(self, spec: dict[str, Any], serve: Callable[[Loaded], object]) -> None:
        self.spec, self._serve = spec, serve
        self._began = time.perf_counter()
        self._warnings: list[str] = []
        self._served = False
        home, name = os.path.dirname(spec["path"]), os.path.basename(spec["path"]).removesuffix(".py")
        _extend_path(spec)
        self._tests = importlib.import_module(PROPERTY) if spec["entry"].startswith("::") else None
        if self._tests is not None:
            home, name = self._tests.place(spec["path"])
            sys.path[:0] = [one for one in self._tests.folders(spec["path"], spec["project"]) if one not in sys.path]
        self._name = f"{PACKAGE}.{name}"
        package = types.ModuleType(PACKAGE)
        package.__path__ = [home]
        sys.modules[PACKAGE] = package
        self._watched = spec["atheris"] or spec["cover"]
        _forget([*(BROUGHT if self._watched else ()), *spec["instrument"]], self._warnings)
        self._before = frozenset(sys.modules)
        self._handover = Handover(self._begin)
        self._stand = AtherisStand(spec, self._handover) if spec["atheris"] else PlainStand(self._handover)

    def run(self) -> None:
        sys.argv = [self.spec["path"]]
        self._stand.enter()
        late = [name for name in self.spec["preload"] if not _imported(name)]
        module = importlib.import_module(self._name)
        for name in late:  # its folder is one that the harness itself has put on the path
            importlib.import_module(name)
        if self._is_script(module) and not self._served:
            self._run_script(module)
        self._begin()

    def _is_script(self, module: types.ModuleType) -> bool:
        """Not a file with a declaration or a test: that says all there is to say; nor one that does without atheris."""
        if hasattr(module, "HARNESS") or self._tests is not None:
            return False
        return "atheris" in sys.modules or not callable(getattr(module, self.spec["entry"], None))

    def _run_script(self, module: types.ModuleType) -> None:
        try:
            script.run_as_script(self.spec["path"], module)
        except BaseException as error:
            named = callable(getattr(module, self.spec["entry"], None))
            if self._served or (self._handover.entry is None and not named):
                raise
            self._warnings.append(
                f"what it does as a script ended with {type(error).__name__}: {error}, before atheris.Fuzz; "
                f"{'what it has handed over' if self._handover.entry else self.spec['entry']} is fuzzed without that"
            )

    def _begin(self) -> None:
        """Whatever the file has handed over, else its function of the declared name, is served; once."""
        if self._served:
            raise SystemExit(0)
        self._served = True
        self._stand.leave()
        self._serve(self._loaded())

    def _loaded(self) -> Loaded:
        spec, handed, stand = self.spec, self._handover, self._stand
        module = sys.modules[self._name]
        if self._tests is not None:
            entry = self._tests.of(module, spec)
            stand.warnings += entry.warnings
        else:
            entry = handed.entry if spec["entry"] != "fuzz" else None
            entry = entry or getattr(module, spec["entry"], None) or handed.entry
        loaded = Loaded(_checked(entry, spec), self._name, time.perf_counter() - self._began, self._before)
        named = (getattr(module, "custom_mutator", None), getattr(module, "CustomMutator", None))
        loaded.mutator = handed.mutator or next((one for one in named if callable(one)), None)
        loaded.crossover, loaded.arguments = handed.crossover, handed.arguments
        loaded.cached = stand.cached
        loaded.uninstrumented = stand.uninstrumented(spec["instrument"])
        loaded.instrumented, loaded.own = stand.instrumented(), stand.own
        loaded.constants = chosen(stand.store.constants) if stand.store else []
        loaded.warnings = (self._warnings if self._watched else []) + stand.warnings
        return loaded


def _extend_path(spec: dict[str, Any]) -> None:
    """Where modules are found: a lane's first; the project's before what is installed, and after the standard library.

    Those of a harness that is named like what it tests come last, else it would import itself.
    """
    folders = [folder for folder in (os.path.dirname(spec["path"]), *spec["folders"]) if folder not in sys.path]
    installed = [at for at, folder in enumerate(sys.path) if folder.endswith(("site-packages", "dist-packages"))]
    stem = os.path.basename(spec["path"]).removesuffix(".py")
    place = installed[0] if installed and importlib.machinery.PathFinder.find_spec(stem) is None else len(sys.path)
    sys.path[place:place] = folders
    sys.path[:0] = spec["lane_path"]


def _imported(name: str) -> bool:
    """Whether a module could be imported; False where it is not found on the path as it is now."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and within(name, [error.name]):
            return False
        raise
    return True


def _checked(entry: Any, spec: dict[str, Any]) -> Entry:
    """The function; raises TypeError where no input can be given to it."""
    path = spec["path"]
    if entry is None:
        raise TypeError(f"{path} hands no function to atheris.Setup, and has no {spec['entry']}")
    if not callable(entry):
        raise TypeError(f"{spec['entry']} of {path} is not a function")
    if inspect.iscoroutinefunction(entry):
        raise TypeError(
            f"{getattr(entry, '__name__', spec['entry'])} of {path} is a coroutine, which atheris never runs; write "
            "def TestOneInput(data): asyncio.run(...)"
        )
    if not takes_one(entry):
        raise TypeError(f"{spec['entry']} of {path} must take one argument: the input, as bytes")
    return cast(Entry, entry)


def takes_one(entry: Any) -> bool:
    """Whether a function can be called with one argument; true where that cannot be told."""
    if not hasattr(getattr(entry, "__func__", entry), "__code__") and not isinstance(entry, type):
        call = getattr(entry, "__call__", None)  # noqa: B004 - of an object, its method
        entry = call if hasattr(call, "__func__") else entry
    function = getattr(entry, "__func__", entry)
    code = getattr(function, "__code__", None)
    if code is None:
        return True
    bound = function is not entry
    most = code.co_argcount - bound
    needed = most - len(function.__defaults__ or ())
    named = code.co_kwonlyargcount > len(function.__kwdefaults__ or ())
    return needed <= 1 and (most >= 1 or bool(code.co_flags & VARIADIC)) and not named


def _forget(packages: list[str], warnings: list[str]) -> None:
    """Modules that are imported already would stay without coverage: let them be imported again."""
    for package in packages:
        there = [name for name in sys.modules if within(name, [package])]
        if not there:
            continue
        if package in SURVIVORS:
            warnings.append(f"{package} is used by the fuzzer itself and gives no coverage")
            continue
        for name in there:
            if not isinstance(loader_of(sys.modules[name]), importlib.machinery.ExtensionFileLoader):
                del sys.modules[name]


def blind(fresh: frozenset[str]) -> tuple[str, ...]:
    """Native modules among those that came with the harness, whose code gives no coverage."""
    standard = (sysconfig.get_paths()["stdlib"], sysconfig.get_paths()["platstdlib"])
    found = []
    for name in sorted(fresh):
        origin = getattr(getattr(sys.modules.get(name), "__spec__", None), "origin", None) or ""
        if not origin.endswith((".so", ".pyd", ".dylib")):
            continue
        foundation = origin.startswith(standard) and "site-packages" not in origin
        if not foundation and name.partition(".")[0] not in {"atheris", "msgspec"} and not _counted(origin):
            found.append(name)
    return tuple(found)


def _counted(path: str) -> bool:
    """Whether a library was compiled with coverage counters: its section is named in the file."""
    try:
        with open(path, "rb") as file:
            return b"__sancov_cntrs" in file.read()
    except OSError:
        return False
