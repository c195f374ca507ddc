"""What a process has one of: each import and call of a target may change it, and the engine hangs on it.

Put back around the engine's own code, and kept around the target's: what an import has set is set again where the
target runs. Handlers of signals and hooks of the interpreter are the engine's throughout.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import locale
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

ARGV = "sys.argv"
FILTERS = "filters of warnings"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGCHLD, signal.SIGUSR1)


@dataclass(frozen=True, slots=True)
class Setting:
    """name: for messages. theirs: whether it is set again around the target's own code."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], None]
    theirs: bool = True


@dataclass(slots=True)
class Found:
    """What foreign code changed at its import: names of settings, and the values that are set around it again."""

    changed: tuple[str, ...] = ()
    theirs: Mapping[str, Any] = field(default_factory=dict)


def changes(found: Found) -> str:
    """What to say of an import that changed something; "" of one that did not."""
    if not found.changed:
        return ""
    return f"its import changes {', '.join(found.changed)}: put back for mlfuzz, and set around the target's own code"


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


def _to_folder(path: str) -> None:
    if path:
        with suppress(OSError):
            os.chdir(path)


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now


def _to_umask(mask: int) -> None:
    os.umask(mask)


def _to_gradients(enabled: bool) -> None:
    torch.set_grad_enabled(enabled)


def _to_device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _to_deterministic(state: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(state[0], warn_only=state[1])


def _filters() -> tuple[Any, ...]:
    return tuple(warnings.filters)


def _to_filters(filters: tuple[Any, ...]) -> None:
    warnings.filters[:] = filters  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]


def _to_locale(name: str) -> None:
    with suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, name)


def _handlers() -> tuple[Any, ...]:
    # What is behind signal.getsignal, without its enumerations: this is asked twice a batch.
    return tuple(_signal.getsignal(number) for number in SIGNALS)


def _to_handlers(handlers: tuple[Any, ...]) -> None:
    for number, handler in zip(SIGNALS, handlers, strict=True):
        if handler is not None and signal.getsignal(number) is not handler:
            with suppress(ValueError):  # only the main thread may
                signal.signal(number, handler)


def _to_recursion(limit: int) -> None:
    with suppress(RecursionError):  # deeper already than that
        sys.setrecursionlimit(limit)


def _attribute(owner: Any, name: str, words: str, *, theirs: bool = False) -> Setting:
    return Setting(words, lambda: getattr(owner, name), lambda value: setattr(owner, name, value), theirs)


SETTINGS = (
    Setting("the current folder", _folder, _to_folder),
    Setting("the umask", _umask, _to_umask),
    Setting("torch's default type", torch.get_default_dtype, torch.set_default_dtype),
    Setting("torch's default device", torch.get_default_device, _to_device),
    Setting("gradients", torch.is_grad_enabled, _to_gradients, theirs=False),
    Setting("deterministic algorithms", _deterministic, _to_deterministic),
    Setting("torch's threads", torch.get_num_threads, torch.set_num_threads, theirs=False),
    Setting(FILTERS, _filters, _to_filters),
    Setting("NumPy's error state", np.geterr, lambda state: np.seterr(**state) and None),
    Setting("the recursion limit", sys.getrecursionlimit, _to_recursion),
    Setting("the locale", lambda: locale.setlocale(locale.LC_ALL), _to_locale),
    Setting("handlers of signals", _handlers, _to_handlers, theirs=False),
    _attribute(sys, "excepthook", "sys.excepthook"),
    _attribute(sys, "stdout", "sys.stdout"),
    _attribute(sys, "stderr", "sys.stderr"),
    _attribute(sys, "argv", ARGV, theirs=True),
)
BY_NAME = {setting.name: setting for setting in SETTINGS}


@contextmanager
def steady(theirs: Mapping[str, Any] = MappingProxyType({})) -> Iterator[None]:
    """Set what an import had set (`Found.theirs`), and put back whatever is otherwise afterwards."""
    before = [setting.read() for setting in SETTINGS]
    for name, value in theirs.items():
        BY_NAME[name].write(value)
    try:
        yield
    finally:
        for setting, value in zip(SETTINGS, before, strict=True):
            if setting.read() != value:
                setting.write(value)


@contextmanager
def importing(name: str) -> Iterator[Found]:
    """Foreign code at its import: it finds no arguments to parse, prints to stderr, and changes nothing for us.

    name: what `sys.argv[0]` says.
    """
    found = Found(theirs={ARGV: [name]})
    before = [setting.read() for setting in SETTINGS]
    sys.argv = [name]
    try:
        with redirect_stdout(sys.stderr):
            yield found
    finally:
        after = [setting.read() for setting in SETTINGS]
        for setting, old, new in zip(SETTINGS, before, after, strict=True):
            if new == old:
                continue
            setting.write(old)
            if setting.name == ARGV and new == [name]:
                continue
            if setting.name != FILTERS or any(one[0] == "error" for one in set(new) - set(old)):  # libraries add some
                found.changed += (setting.name,)
            if setting.theirs:
                found.theirs = {**found.theirs, setting.name: new}
