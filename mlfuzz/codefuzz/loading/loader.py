"""The harness, imported by name in the child, with the packages it names instrumented.

Code that is loaded from a path gives no coverage, so the harness becomes a module of a package of its own whose only
folder is the file's.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

from mlfuzz.codefuzz.corpus.dictionary import chosen
from mlfuzz.codefuzz.loading import atheris_shim, script
from mlfuzz.codefuzz.loading.import_hook import Finder, within
from mlfuzz.codefuzz.loading.instrumentation_cache import Store

PACKAGE = "mlfuzz_harness"

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

FUZZER = ("mlfuzz.codefuzz", "atheris", "__main__")
"""Whose functions run around the harness's: __main__ is the process that imports it."""


class Loaded:
    """What importing gave. entry: the function that takes bytes; fresh: modules that came with it.

    instrumented: modules that give coverage; own: counters of the harness's own code.
    """

    def __init__(self, entry: Callable[[bytes], Any], seconds: float, before: frozenset[str]) -> None:
        self.entry, self.seconds = entry, seconds
        self.fresh = frozenset(sys.modules) - before
        self.mutator: Callable[[bytes, int, int], bytes] | None = None
        self.cached = False
        self.uninstrumented: tuple[str, ...] = ()
        self.instrumented: tuple[str, ...] = ()
        self.own: frozenset[int] = frozenset()
        self.constants: list[bytes] = []
        self.warnings: list[str] = []


def load(spec: dict[str, Any]) -> Loaded:
    """Import preload and harness. Whatever the harness raises goes on to the caller."""
    began = time.perf_counter()
    path = spec["path"]
    warnings: list[str] = []
    sys.path[:0] = [*spec["lane_path"]]
    for folder in (spec["project"], os.path.dirname(path)):
        if folder not in sys.path:
            sys.path.append(folder)
    home, name = os.path.dirname(path), os.path.basename(path).removesuffix(".py")
    tests = importlib.import_module(PROPERTY) if spec["entry"].startswith("::") else None
    if tests is not None:
        home, name = tests.place(path)
        sys.path[:0] = [one for one in tests.folders(path, spec["project"]) if one not in sys.path]
    package = types.ModuleType(PACKAGE)
    package.__path__ = [home]
    sys.modules[PACKAGE] = package
    watched = spec["atheris"] or spec["cover"]
    _forget([*(BROUGHT if watched else ()), *spec["instrument"]], warnings)
    before = frozenset(sys.modules)
    stand = _Instrumented(spec) if spec["atheris"] else _Plain()
    with stand.imports():
        for one in spec["preload"]:
            importlib.import_module(one)
        module = importlib.import_module(f"{PACKAGE}.{name}")
        stand.warnings += script.instrument(path, module, sys.modules["atheris"])
    if tests is not None:
        entry = tests.of(module, spec)
        stand.warnings += entry.warnings
    else:
        entry = getattr(module, spec["entry"], None) or stand.captured
    if not callable(entry):
        raise TypeError(f"{spec['entry']} of {path} is not a function")
    if not takes_one(entry):
        raise TypeError(f"{spec['entry']} of {path} must take one argument: the input, as bytes")
    loaded = Loaded(entry, time.perf_counter() - began, before)
    loaded.mutator = getattr(module, "custom_mutator", None) or getattr(module, "CustomMutator", None)
    loaded.cached = stand.cached
    loaded.uninstrumented = stand.uninstrumented(spec["instrument"])
    loaded.instrumented, loaded.own = stand.instrumented(), stand.own
    loaded.constants = chosen(stand.store.constants) if stand.store else []
    loaded.warnings = (warnings if watched else []) + stand.warnings
    return loaded


def takes_one(entry: Callable[..., Any]) -> bool:
    """Whether a function can be called with one argument; true where that cannot be told."""
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
            if not isinstance(_loader(sys.modules[name]), importlib.machinery.ExtensionFileLoader):
                del sys.modules[name]


class _Plain:
    """Without atheris: a stand-in module, so that a harness that imports it can be replayed."""

    cached = False
    captured: Callable[[bytes], Any] | None = None
    store: Store | None = None
    own: frozenset[int] = frozenset()

    def __init__(self) -> None:
        self.warnings: list[str] = []

    @contextlib.contextmanager
    def imports(self) -> Iterator[None]:
        if "atheris" not in sys.modules:
            atheris_shim.install()
        yield

    def uninstrumented(self, packages: list[str]) -> tuple[str, ...]:
        return ()

    def instrumented(self) -> tuple[str, ...]:
        return ()


class _Instrumented:
    """With atheris. Its Setup and Fuzz do nothing while the harness is imported: the workers call them."""

    def __init__(self, spec: dict[str, Any]) -> None:
        import atheris

        self.atheris, self.spec = atheris, spec
        self.captured: Callable[[bytes], Any] | None = None
        self.warnings: list[str] = []
        self.store = self._store()
        self._finder = Finder(atheris, PACKAGE, spec["instrument"])

    @property
    def cached(self) -> bool:
        return self.store is not None and self.store.misses == 0 and self.store.hits > 0

    @property
    def own(self) -> frozenset[int]:
        return frozenset(self._finder.own)

    @contextlib.contextmanager
    def imports(self) -> Iterator[None]:
        atheris = self.atheris
        ours = {"Setup": self._setup, "Fuzz": lambda: None, "instrument_all": self._instrument_all}
        genuine = {name: getattr(atheris, name) for name in ours}
        vars(atheris).update(ours)
        sys.meta_path.insert(0, self._finder)
        try:
            with self.store.installed() if self.store else contextlib.nullcontext():
                yield
        finally:
            vars(atheris).update(genuine)
            sys.meta_path.remove(self._finder)

    def uninstrumented(self, packages: list[str]) -> tuple[str, ...]:
        """Modules of the named packages whose code was not instrumented."""
        failed = set(self.store.failed) if self.store else set()
        return tuple(sorted({
            name for name, module in list(sys.modules.items())
            if within(name, packages) and (name in failed or _plain_source(module))
        }))  # fmt: skip

    def instrumented(self) -> tuple[str, ...]:
        """Modules whose code was, whoever asked for it; the harness itself is none of them."""
        hook: Any = sys.modules["atheris.import_hook"]
        kinds = (hook.AtherisSourceFileLoader, hook.AtherisSourcelessFileLoader)
        failed = {PACKAGE, *(self.store.failed if self.store else ())}
        return tuple(sorted(
            name for name, module in list(sys.modules.items())
            if isinstance(_loader(module), kinds) and name not in failed and not within(name, [PACKAGE])
        ))  # fmt: skip

    def _setup(self, argv: list[str], entry: Callable[[bytes], Any], **_: Any) -> list[str]:
        self.captured = entry
        return argv

    def _instrument_all(self) -> None:
        """As atheris does it, but for the fuzzer's own functions: what they reach says nothing of an input."""
        instrumentable = sys.modules["atheris.instrument_bytecode"]._is_instrumentable
        failed = 0
        for one in gc.get_objects():
            if instrumentable(one) and not within(one.__module__, FUZZER):
                try:
                    self.atheris.instrument_func(one)
                except Exception:  # noqa: BLE001 - atheris asserts on code it does not understand, and goes on as well
                    failed += 1
        if failed:
            self.warnings.append(
                f"atheris.instrument_all() does not understand {failed} functions; they give no coverage"
            )

    def _store(self) -> Store | None:
        """What instruments and keeps; None, with a word, where it cannot be trusted with this atheris."""
        try:
            store = Store(self.atheris, self.spec["cache"])
            if store.trustworthy():
                return store
            why = "its bytecode differs from what was expected"
        except (OSError, AttributeError, KeyError, TypeError) as error:
            why = f"{type(error).__name__}: {error}"
        self.warnings.append(f"instrumented code is not cached with this atheris ({why}); each start is slow")
        return None


def _plain_source(module: Any) -> bool:
    return type(_loader(module)) is importlib.machinery.SourceFileLoader


def _loader(module: Any) -> Any:
    return getattr(getattr(module, "__spec__", None), "loader", None)


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
