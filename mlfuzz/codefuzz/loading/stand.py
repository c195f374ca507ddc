"""What stands in atheris' place while a harness is imported: atheris itself with its doors watched, or a stand-in."""

from __future__ import annotations

import contextlib
import gc
import importlib.machinery
import sys
from typing import Any

from mlfuzz.codefuzz.failure.bucketing import OWN
from mlfuzz.codefuzz.loading import atheris_shim, script
from mlfuzz.codefuzz.loading.handover import Handover
from mlfuzz.codefuzz.loading.import_hook import Finder, within
from mlfuzz.codefuzz.loading.instrumentation_cache import Store

PACKAGE = "mlfuzz_harness"
"""The harness is a module of it."""

FUZZER = ("mlfuzz.codefuzz", "atheris")
"""Whose functions run around the harness's."""


class PlainStand:
    """Without atheris: a stand-in module, so that a harness that imports it can be replayed."""

    cached = False
    store: Store | None = None
    own: frozenset[int] = frozenset()

    def __init__(self, handover: Handover) -> None:
        self._handover = handover
        self.warnings: list[str] = []

    def enter(self) -> None:
        module = sys.modules.get("atheris") or atheris_shim.install()
        vars(module).update(self._handover.functions())

    def leave(self) -> None:
        """The stand-in stays: nothing of it fuzzes."""

    def uninstrumented(self, packages: list[str]) -> tuple[str, ...]:
        return ()

    def instrumented(self) -> tuple[str, ...]:
        return ()


class AtherisStand:
    """With atheris. Its Setup and Fuzz do nothing while the harness is imported: the workers call them."""

    def __init__(self, spec: dict[str, Any], handover: Handover) -> None:
        import atheris

        self.atheris, self.spec = atheris, spec
        self.warnings: list[str] = []
        self.store = self._store()
        self._finder = Finder(atheris, PACKAGE, spec["instrument"])
        self._ours = {**handover.functions(), "instrument_all": self._instrument_all}
        self._genuine = {name: getattr(atheris, name) for name in self._ours}
        self._cache = self.store.installed() if self.store else contextlib.nullcontext()

    @property
    def cached(self) -> bool:
        return self.store is not None and self.store.misses == 0 and self.store.hits > 0

    @property
    def own(self) -> frozenset[int]:
        return frozenset(self._finder.own)

    def enter(self) -> None:
        vars(self.atheris).update(self._ours)
        sys.meta_path.insert(0, self._finder)
        self._cache.__enter__()

    def leave(self) -> None:
        """atheris is itself again: a worker hands the function to it."""
        self._cache.__exit__(None, None, None)
        vars(self.atheris).update(self._genuine)
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
        failed = {PACKAGE, script.MAIN, *(self.store.failed if self.store else ())}
        return tuple(sorted(
            name for name, module in list(sys.modules.items())
            if isinstance(loader_of(module), kinds) and name not in failed and not within(name, [PACKAGE])
        ))  # fmt: skip

    def _instrument_all(self) -> None:
        """As atheris does it, but for the fuzzer's own functions: what they reach says nothing of an input."""
        instrumentable = sys.modules["atheris.instrument_bytecode"]._is_instrumentable
        failed = 0
        for one in gc.get_objects():
            if instrumentable(one) and not _is_ours(one):
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


def _is_ours(function: Any) -> bool:
    """Whether a function runs around the harness's; those of the process that imports it stand in a __main__ too."""
    return within(function.__module__, FUZZER) or function.__code__.co_filename.startswith(OWN)


def _plain_source(module: Any) -> bool:
    return type(loader_of(module)) is importlib.machinery.SourceFileLoader


def loader_of(module: Any) -> Any:
    return getattr(getattr(module, "__spec__", None), "loader", None)
