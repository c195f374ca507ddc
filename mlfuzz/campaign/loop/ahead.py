"""The next batch, made while this one runs: on a thread of its own where there is a core for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from mlfuzz.batch import Indices
from mlfuzz.mutators.schedule.slices import Mutated


@dataclass(frozen=True, slots=True)
class Made:
    """A batch that has not run yet. picked: its parents (B,)."""

    picked: Indices
    mutated: Mutated


class Producer:
    """Makes one batch ahead. threaded: beside the caller; else where it is asked to begin: what is made is the same.

    Between `begin` and `wait` the caller changes nothing that `make` reads.
    """

    def __init__(self, make: Callable[[int], Made], *, threaded: bool) -> None:
        self._make, self._threaded = make, threaded
        self._thread: threading.Thread | None = None
        self._made: Made | BaseException | None = None

    def begin(self, number: int) -> None:
        """Make a batch, its chance keyed by `number`, unless one is there."""
        if self._made is not None:
            return
        if not self._threaded:
            self._run(number)
            return
        self._thread = threading.Thread(target=self._run, args=(number,), name="mlfuzz-next-batch", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until what was begun is made."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def take(self, number: int) -> Made:
        """The batch that was made, else one made now. Raises what making it raised."""
        self.wait()
        if self._made is None:
            return self._make(number)
        made, self._made = self._made, None
        if isinstance(made, BaseException):
            raise made
        return made

    def forget(self) -> None:
        """Leave what was made ahead: it may hold what is to be picked no more."""
        self.wait()
        self._made = None

    def _run(self, number: int) -> None:
        try:
            self._made = self._make(number)
        except BaseException as error:  # noqa: BLE001 - `take` raises it
            self._made = error
