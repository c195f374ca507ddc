"""Which engine runs harnesses unless told otherwise: the only place that names it."""

from __future__ import annotations

from mlfuzz.codefuzz.harness.engine import Engine


def engine() -> Engine:
    """The engine of this installation; `available` says whether it can fuzz here."""
    from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine

    return AtherisEngine()
