"""Of what a throw-away copy has to be made, so that an input may do what it was refused."""

from __future__ import annotations

import os
from collections.abc import Iterable

from mlfuzz.codefuzz.failure.sandbox_refusal import SHARED, Refusal
from mlfuzz.codefuzz.runtime.permissions import SHARED_MEMORY

SYSTEM = ("/proc", "/sys", "/dev")
"""Below these no layer is put over anything: what is written there is a message to the kernel."""

COPIED = frozenset({"write", "change", "network", "program"})
"""Deeds that a copy lets be done."""


def places(refusals: Iterable[Refusal]) -> tuple[str, ...]:
    """The folders, the outermost alone; () where there is nothing to be written."""
    found = {_folder(one) for one in refusals if one.deed in ("write", "change")} - {""}
    return tuple(sorted(one for one in found if not any(one != other and _inside(one, other) for other in found)))


def helps(refusals: Iterable[Refusal]) -> bool:
    """Whether a copy makes any of these possible."""
    return any(one.deed in COPIED for one in refusals)


def _folder(refusal: Refusal) -> str:
    if refusal.what == SHARED:
        return SHARED_MEMORY
    path = os.path.dirname(refusal.what.rstrip(os.sep)) if refusal.deed == "change" else refusal.what
    while not os.path.isdir(path) and path not in ("", os.sep):
        path = os.path.dirname(path.rstrip(os.sep))
    path = os.path.realpath(path) if path else ""
    return "" if path in ("", os.sep) or any(_inside(path, root) for root in SYSTEM) else path


def _inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root + os.sep)
