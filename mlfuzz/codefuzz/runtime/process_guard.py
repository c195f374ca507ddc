"""What a process keeps for all that runs in it: looked after between two inputs, put back, and told where it harms.

What the worker itself, and any program, needs is a finding where an input takes it away: builtins, modules, functions
of the system, descriptors. What only makes the next input run otherwise is undone: hooks, limits, signals, streams.

Nothing here may call a builtin or a function of another module by its name before `mend_builtins` has been: they may be
anything. So each is kept by reference.
"""

from __future__ import annotations

import builtins
import faulthandler
import gc
import importlib
import os
import resource
import signal
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from mlfuzz.codefuzz.runtime.descriptor_guard import Deed, DescriptorGuard

NEEDED = {
    "os": (
        "close", "dup2", "fork", "fstat", "fsync", "getcwd", "getpid", "getppid", "kill", "listdir", "lseek", "open",
        "pipe", "read", "set_blocking", "setpgid", "stat", "waitpid", "write", "_exit", "environ", "path", "fspath",
    ),
    "signal": ("signal", "getsignal", "setitimer", "alarm", "pthread_sigmask"),
    "sys": ("exc_info", "exit", "getrefcount", "_getframe", "_current_frames", "settrace", "setprofile", "modules"),
    "time": ("monotonic", "perf_counter", "sleep", "time"),
    "threading": ("Thread", "Lock", "RLock", "current_thread", "enumerate"),
    "socket": ("socket",),
    "struct": ("Struct", "pack", "unpack"),
    "json": ("dumps", "loads"),
    "io": ("open", "BytesIO", "StringIO", "TextIOWrapper"),
    "codecs": ("lookup",),
    "traceback": ("format_exception",),
    "importlib": ("import_module",),
    "builtins": (),
    "types": (),
    "encodings": (),
}  # fmt: skip
"""Modules that must stay, and what of them must stay as it is."""

SIGNALS_OF: Any = importlib.import_module("_signal")
"""What `signal` wraps in enumerations, at ten times the cost."""

LOCALE: Any = importlib.import_module("_locale")

BUILTINS = vars(builtins)
MODULES = sys.modules
MISSING = object()
ANY = BaseException
HOOKS = (
    (sys, "excepthook"), (sys, "unraisablehook"), (sys, "displayhook"), (sys, "breakpointhook"),
    (threading, "excepthook"), (sys, "stdin"), (sys, "stdout"), (sys, "stderr"), (sys, "__stdin__"),
    (sys, "__stdout__"), (sys, "__stderr__"), (sys, "path"), (sys, "meta_path"), (sys, "path_hooks"),
    (warnings, "showwarning"), (warnings, "filters"),
)  # fmt: skip
LISTS: tuple[list[Any], ...] = (sys.path, sys.meta_path, sys.path_hooks)
LIMITS = tuple(
    getattr(resource, name)
    for name in (
        "RLIMIT_NOFILE",
        "RLIMIT_AS",
        "RLIMIT_DATA",
        "RLIMIT_STACK",
        "RLIMIT_FSIZE",
        "RLIMIT_CPU",
        "RLIMIT_NPROC",
    )
    if hasattr(resource, name)
)
NEVER = {signal.SIGKILL, signal.SIGSTOP, signal.SIGUSR1}
SIGNALS = tuple(number for number in signal.Signals if number not in NEVER) if hasattr(signal, "Signals") else ()


class ProcessGuard:
    """descriptors: those of the worker. It is to be made when the process is as it shall stay, the harness imported.

    altered: whether anything was undone since `begin`, so that what an input did may have come of another before it.
    spent: whether something was changed that cannot be undone; another worker must go on.
    """

    def __init__(self, descriptors: DescriptorGuard, *, watch_stacks: Callable[[], None]) -> None:
        self.descriptors, self._watch_stacks = descriptors, watch_stacks
        self.altered = self.spent = False
        self._deeds: list[Deed] = []
        self._builtins = dict(BUILTINS)
        self._modules = {name: MODULES[name] for name in NEEDED if name in MODULES}
        self._loaded = dict(MODULES)
        self._needed = [
            (f"{module}.{name}", vars(MODULES[module]), name, vars(MODULES[module])[name])
            for module, names in NEEDED.items()
            for name in names
            if module in MODULES and name in vars(MODULES[module])
        ]
        self._hooks = [(owner, name, getattr(owner, name)) for owner, name in HOOKS]
        self._lists = [(one, [*one]) for one in LISTS]
        self._filters = [*warnings.filters]
        environ: Any = os.environ
        self._environ = environ
        self._environment: dict[bytes, bytes] = dict(environ._data)
        self._traces = (sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile())
        self._recursion, self._switch = sys.getrecursionlimit(), sys.getswitchinterval()
        self._gc = (gc.isenabled(), gc.get_threshold(), gc.get_debug(), [*gc.callbacks])
        self._locale = LOCALE.setlocale(LOCALE.LC_ALL)
        self._faults = faulthandler.is_enabled()
        self._handlers = [(number, SIGNALS_OF.getsignal(number)) for number in SIGNALS]
        self._looks = SIGNALS_OF.getsignal(signal.SIGUSR1)
        self._mask = SIGNALS_OF.pthread_sigmask(signal.SIG_BLOCK, ())
        self._folder = os.getcwd()
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._limits = [(name, resource.getrlimit(name)) for name in LIMITS]
        self._nice = os.getpriority(os.PRIO_PROCESS, 0)
        self._calls = types.SimpleNamespace(**{
            f"{module}_{name}": value for module, own in (
                ("os", os), ("sys", sys), ("signal", SIGNALS_OF), ("gc", gc), ("locale", LOCALE),
                ("resource", resource),
                ("threading", threading), ("faulthandler", faulthandler),
            ) for name, value in vars(own).items() if callable(value)
        })  # fmt: skip

    def begin(self) -> None:
        """From here on what is undone counts as altered."""
        self.altered = False

    def mend_builtins(self) -> None:
        """First of all: until then a name such as `len` may be anything. Calls none of them."""
        same = False
        try:
            same = self._builtins == BUILTINS
        except ANY:  # compared with something that is no friend of comparisons
            same = False
        if same:
            return
        for name, value in self._builtins.items():
            if BUILTINS.get(name, MISSING) is not value:
                self._deeds.append((f"builtins.{name}", f"it {_verb(BUILTINS, name)} builtins.{name}"))
                BUILTINS[name] = value

    def mend(self) -> list[Deed]:
        """What has been done since the last time that harms: short names and words. Everything is put back."""
        self.mend_builtins()
        self._mend_modules()
        self._mend_state()
        self._mend_signals()
        deed = self.descriptors.mend()
        if deed is not None:
            self._deeds.append((f"descriptors.{deed[0]}", deed[1]))
        self.altered = self._mend_streams() or self.altered
        deeds, self._deeds = self._deeds, []
        return deeds

    def mend_slowly(self) -> None:
        """What costs more to look at, and is changed more rarely."""
        call = self._calls
        changed = False
        for name, limits in self._limits:
            if call.resource_getrlimit(name) != limits:
                changed = True
                try:
                    call.resource_setrlimit(name, limits)
                except (OSError, ValueError):
                    self.spent = True
        mask = call.os_umask(self._umask)
        if call.locale_setlocale(LOCALE.LC_ALL) != self._locale:
            changed = True
            call.locale_setlocale(LOCALE.LC_ALL, self._locale)
        if call.os_getpriority(os.PRIO_PROCESS, 0) != self._nice:
            changed = True
            try:
                call.os_setpriority(os.PRIO_PROCESS, 0, self._nice)
            except OSError:
                self.spent = True
        self.altered = self.altered or changed or mask != self._umask

    def _mend_modules(self) -> None:
        gone = [name for name, module in self._modules.items() if MODULES.get(name) is not module]
        if gone:
            words = ", ".join(gone[:3]) + (" and others" if len(gone) > 3 else "")
            self._deeds.append(("sys.modules", f"it removed or replaced modules that are needed: {words}"))
            for name, module in self._loaded.items():
                MODULES.setdefault(name, module)
            MODULES.update(self._modules)
        for name, space, own, value in self._needed:
            if space.get(own, MISSING) is not value:
                self._deeds.append((name, f"it {_verb(space, own)} {name}"))
                space[own] = value

    def _mend_state(self) -> None:
        call, changed = self._calls, False
        for owner, name, value in self._hooks:
            if getattr(owner, name, MISSING) is not value:
                setattr(owner, name, value)
                changed = True
        for one, kept in self._lists:
            lost = [entry for entry in kept if entry not in one]
            if lost:
                one[:] = [*kept, *(entry for entry in one if entry not in kept)]
                changed = True
        if warnings.filters != self._filters:
            warnings.filters[:] = self._filters  # type: ignore[index]
            warnings._filters_mutated()  # type: ignore[attr-defined]
            changed = True
        space = self._environ._data
        if not self._environment.items() <= space.items():
            for key, text in self._environment.items():
                if space.get(key) != text:
                    self._environ[os.fsdecode(key)] = os.fsdecode(text)
            changed = True
        changed = self._mend_traces() or changed
        if call.sys_getrecursionlimit() != self._recursion:
            call.sys_setrecursionlimit(self._recursion)
            changed = True
        if call.sys_getswitchinterval() != self._switch:
            call.sys_setswitchinterval(self._switch)
            changed = True
        if (gc.isenabled(), gc.get_threshold(), gc.get_debug()) != self._gc[:3] or gc.callbacks != self._gc[3]:
            (call.gc_enable if self._gc[0] else call.gc_disable)()
            call.gc_set_threshold(*self._gc[1])
            call.gc_set_debug(self._gc[2])
            gc.callbacks[:] = self._gc[3]
            changed = True
        self.altered = self._mend_folder() or self.altered or changed

    def _mend_traces(self) -> bool:
        call = self._calls
        if (sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()) == self._traces:
            return False
        call.sys_settrace(self._traces[0])
        call.sys_setprofile(self._traces[1])
        call.threading_settrace(self._traces[2])
        call.threading_setprofile(self._traces[3])
        return True

    def _mend_folder(self) -> bool:
        call = self._calls
        try:
            if call.os_getcwd() == self._folder:
                return False
        except OSError:
            pass
        try:
            if not os.path.isdir(self._folder):
                os.makedirs(self._folder)
            call.os_chdir(self._folder)
        except OSError:
            self.spent = True
        return True

    def _mend_signals(self) -> None:
        call, changed = self._calls, False
        for number, handler in self._handlers:
            if call.signal_getsignal(number) != handler:
                changed = True
                if handler is not None:
                    call.signal_signal(number, handler)
        if call.signal_getsignal(signal.SIGUSR1) != self._looks or call.faulthandler_is_enabled() != self._faults:
            self._watch_stacks()
            changed = True
        if call.signal_pthread_sigmask(signal.SIG_BLOCK, ()) != self._mask:
            call.signal_pthread_sigmask(signal.SIG_SETMASK, self._mask)
            changed = True
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            if call.signal_getitimer(timer) != (0.0, 0.0):
                call.signal_setitimer(timer, 0)
                changed = True
        self.altered = self.altered or changed

    def _mend_streams(self) -> bool:
        changed = self.descriptors.mend_streams()
        for name, number in (("stdout", 1), ("stderr", 2)):
            stream = getattr(sys, name)
            if _dead(stream):
                stream = open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
                setattr(sys, name, stream)
                self._hooks = [
                    (owner, one, stream if one in (name, f"__{name}__") else value) for owner, one, value in self._hooks
                ]
                changed = True
        return changed


def _dead(stream: Any) -> bool:
    """Whether nothing can be written to it."""
    try:
        return stream is None or bool(stream.closed)
    except ANY:  # detached, or of a class of the target's
        return True


def _verb(space: dict[str, Any], name: str) -> str:
    return "replaced" if name in space else "removed"


def outcome_of(deeds: list[Deed]) -> dict[str, Any]:
    """As a worker tells it. What was done first names it; all of it stands in the words."""
    name = "builtins" if len({one for one, _ in deeds}) > 3 and deeds[0][0].startswith("builtins.") else deeds[0][0]
    words = list(_each([text for _, text in deeds]))
    key = f"damage:{name}"
    message = "; ".join(words[:5]) + (f"; and {len(words) - 5} more" if len(words) > 5 else "")
    return {"kind": "damage", "type": name, "message": message, "group": key, "bucket": key}


def _each(words: list[str]) -> Iterator[str]:
    """Once each, in order."""
    return iter(dict.fromkeys(words))
