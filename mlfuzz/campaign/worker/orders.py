"""What a supervisor asks of a worker, and how the worker says that it ended."""

from __future__ import annotations

import msgspec

from mlfuzz import errors
from mlfuzz.errors import MlfuzzError
from mlfuzz.stop_reason import Stop


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisor asks of a worker. pipe: a descriptor that takes the answer where no file can.

    seconds: asked for, of the whole campaign. began: when that was (monotonic), and ready: when its first worker could
    begin to load the target; 0: this one is to measure it. until: when no batch begins any more; 0: once the time is
    over that was asked for, or as late as the timetable allows.
    """

    workdir: str
    parent: int
    seconds: float | None = None
    began: float = 0.0
    ready: float = 0.0
    until: float = 0.0
    inputs: int | None = None
    findings: int | None = None
    new_faults: float | None = None
    adopt: bool = False
    guarded: bool = False
    worker: int = 0
    workers: int = 1
    pipe: int = -1


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker ended of its own accord; written beside its journal."""

    exit_code: int
    stop: Stop | None = None
    kind: str = ""
    message: str = ""
    trace: str = ""

    def error(self) -> MlfuzzError:
        """What it said as one of our errors, so that it reads and exits as if it had been raised here."""
        known = getattr(errors, self.kind, None)
        if isinstance(known, type) and issubclass(known, MlfuzzError) and known is not errors.UnknownNameError:
            try:
                return known(self.message)
            except TypeError:
                pass
        error = MlfuzzError(self.message if known else f"mlfuzz failed: {self.kind}: {self.message}")
        error.exit_code = self.exit_code
        if not known:
            error.add_note(self.trace)
        return error
