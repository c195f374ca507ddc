"""What stands around the harness's function: records the input, catches, keys, tells, and returns normally.

This runs a hundred thousand times a second.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from mlfuzz.codefuzz.failure import raised
from mlfuzz.codefuzz.failure.bucketing import FrameOwners, describe
from mlfuzz.codefuzz.failure.expected_exceptions import Documented
from mlfuzz.codefuzz.runtime.exit_status import DAMAGED, UNTELLABLE
from mlfuzz.codefuzz.runtime.flight_recorder import (
    CLOSED,
    FAILED,
    FIRST,
    LENGTH,
    READY,
    REFUSED,
    RETURNED,
    STARTED,
    FlightPage,
    beginnings,
)
from mlfuzz.codefuzz.runtime.input_threads import InputThreads, input_of
from mlfuzz.codefuzz.runtime.process_guard import ProcessGuard, outcome_of
from mlfuzz.codefuzz.runtime.rounds import LARGE, RECENT, Rounds, packed
from mlfuzz.codefuzz.runtime.sightings import Sightings, worth_a_look

Tell = Callable[[dict[str, Any], bytes], None]
Entry = Callable[[bytes], Any]
Opening = Callable[[], object]
Keep = Callable[[int, frozenset[bytes]], tuple[int, int, frozenset[bytes]]]

LEAVE = os._exit
"""The genuine one: a worker replaces the target's."""

LOST = ("descriptors.closed", "it closed the worker's descriptors")

ANY, LENGTH_OF, TYPE_OF = BaseException, len, type
"""The genuine ones, as long as an input's builtins have not been put back."""


MOST_SEEN = 100_000
"""Spots that are known again without any text."""


class ExceptionFilter:
    """Sorts what an input raised; tells each new bucket once, and where it is asked to, more ways to those it knows.

    known: buckets that are not told. elsewhere: what was raised elsewhere while the input ran, each with the input that
    it is of where that is known, and None for a thread that was started; always the same list. forks: processes that
    the target started. cloning: it is the worker that forks, not the target. brief: only keys are wanted. more: told of
    ways and counts, without an answer; None: nobody asks. printed: what an input makes native code print. guard: of the
    process, where several inputs run in it; recent: the last ones since it looked.
    """

    def __init__(self, documented: Documented, territory: FrameOwners, flight: FlightPage, known: set[str]) -> None:
        self.documented, self.territory, self.flight, self.known = documented, territory, flight, known
        self.elsewhere: list[tuple[dict[str, Any], bytes | None] | None] = []
        self.threads = InputThreads(lambda: (flight.head[STARTED], flight.payload), self._started)
        self.forks = 0
        self.cloning = self.brief = False
        self.tell: Tell = lambda outcome, data: None
        self.more: Tell | None = None
        self.printed: Callable[[bytes], str] = lambda data: ""
        self.guard: ProcessGuard | None = None
        self.recent: deque[bytes] = deque(maxlen=RECENT)
        self._sightings = Sightings()
        self._seen: dict[tuple[Any, ...], list[int]] = {}
        self._pinned: list[Any] = []

    def install(self) -> None:
        """Catch what is raised where nobody sees it: in threads, in finalisers, in callbacks from C."""
        threading.excepthook = self._in_thread
        sys.unraisablehook = self._unraisable
        self.threads.install()
        os.register_at_fork(after_in_child=self._forked, after_in_parent=self._forks)

    def forget(self) -> None:
        """Tell everything anew, as for a first input."""
        self.known.clear()
        self._seen.clear()
        self._pinned.clear()

    def reopen(self, bucket: str) -> None:
        """Tell that bucket again when it comes again."""
        self.known.discard(bucket)
        self._seen.clear()
        self._pinned.clear()

    def caught(self, error: BaseException, data: bytes) -> None:
        """A documented exception is counted; another is told once for each bucket."""
        if self.guard is not None:
            self.guard.mend_builtins()
        try:
            self._sort(error, data)
        except MemoryError:  # what it takes to tell is used up, by this input or by those before it
            LEAVE(UNTELLABLE)

    def _sort(self, error: BaseException, data: bytes) -> None:
        if self.documented.covers(error):
            self.flight.head[REFUSED] += 1
            return
        self.flight.head[FAILED] += 1
        times = self._unseen(error)
        if not times:
            return
        if self.guard is not None and self.damaged():
            return
        printed = self.printed(data) if raised.is_panic(type(error)) else ""
        outcome = describe("", error, self.territory, brief=self.brief, printed=printed)
        altered = {"altered": True} if self.guard is not None and self.guard.altered else {}
        self._tell({**outcome, **altered}, data, times)

    def damaged(self) -> bool:
        """Whether an input since the last look has damaged the process; it is told, with all that it may have been.

        Ends the worker where it cannot be heard any more.
        """
        assert self.guard is not None
        deeds = self.guard.mend()
        lost = self.guard.descriptors.lost()
        if not deeds and not lost:
            return False
        outcome = outcome_of(deeds or [LOST])
        self.flight.head[FAILED] += 1
        self._seen.clear()  # what was raised meanwhile may have come of it, and is told when it comes again
        if lost:
            self.flight.leave(json.dumps(outcome).encode(), packed(self.recent))
            LEAVE(DAMAGED)
        self._tell(outcome, packed(self.recent), 0)
        return True

    def flush(self, data: bytes) -> None:
        """Tell what was raised elsewhere while this input ran, once its threads have had their time."""
        if self.guard is not None:
            self.guard.mend_builtins()
        self.flight.head[RETURNED] = self.flight.head[STARTED]
        self.threads.wait()
        found = [one for one in self.elsewhere if one is not None]
        self.elsewhere.clear()
        for outcome, owner in found:
            self.flight.head[FAILED] += 1
            self._tell(outcome, data if owner is None else owner)

    def _tell(self, outcome: dict[str, Any], data: bytes, times: int = 1) -> None:
        """times: it was seen so often since it was told; 0: neither ways to it nor how often are kept."""
        fresh = outcome["bucket"] not in self.known
        ways = self.more is not None and times > 0
        if not fresh and not ways:
            return
        self.known.add(outcome["bucket"])
        counted = self._sightings.see(outcome, times) if ways else {}
        try:
            if fresh:
                self.tell({**outcome, **counted}, data)
            elif counted and self.more is not None:
                self.more({**outcome, **counted, "known": True}, data)
        except (OSError, MemoryError):
            LEAVE(UNTELLABLE)

    def _unseen(self, error: BaseException) -> int:
        """How often this very spot was seen since it was looked at, if it is time to look again, else 0.

        A look-up of code objects, without any text.
        """
        trail: list[Any] = [type(error)]
        trace = raised.trace_of(error)
        while trace is not None:
            trail += (id(trace.tb_frame.f_code), trace.tb_lasti)
            trace = trace.tb_next
        trail.append(type(raised.following(error)))
        if issubclass(type(error), BaseExceptionGroup):
            trail += [type(one) for one in raised.leaves(error)]
        if raised.is_panic(type(error)):
            trail.append(raised.message_of(error))
        key = tuple(trail)
        counts = self._seen.get(key)
        if counts is not None:
            counts[0] += 1
            if self.more is None or not worth_a_look(counts[0]):
                return 0
            times, counts[1] = counts[0] - counts[1], counts[0]
            return times
        if len(self._seen) < MOST_SEEN:
            self._seen[key] = [1, 1]
            trace = raised.trace_of(error)
            while trace is not None:  # an id is only a name while its object lives
                self._pinned.append(trace.tb_frame.f_code)
                trace = trace.tb_next
        return 1

    def _in_thread(self, seen: threading.ExceptHookArgs) -> None:
        if seen.exc_value is not None and seen.exc_type is not SystemExit:
            self._note("thread", seen.exc_value, input_of(seen.thread))

    def _unraisable(self, seen: Any) -> None:
        if seen.exc_value is not None:
            self._note("unraisable", seen.exc_value)

    def _note(self, kind: str, error: BaseException, owner: bytes | None = None) -> None:
        if len(self.elsewhere) < 16 and not self.documented.covers(error):
            self.elsewhere.append((describe(kind, error, self.territory), owner))

    def _started(self) -> None:
        if None not in self.elsewhere:
            self.elsewhere.append(None)

    def _forks(self) -> None:
        self.forks += not self.cloning

    def _forked(self) -> None:
        """In a process that the target has forked: it must not go on fuzzing, nor tell anything."""
        if self.cloning:
            return
        self.elsewhere[:] = [None]  # for `flush` to be called as soon as its input has run
        self.known = set()
        self.tell = _leave
        self.flush = _leave  # type: ignore[assignment]


def _leave(*_: Any) -> None:
    LEAVE(0)


def wrap(
    entry: Entry,
    catcher: ExceptionFilter,
    poison: frozenset[bytes],
    keep: Keep | None = None,
    *,
    opening: Opening | None = None,
    rounds: Rounds | None = None,
) -> Entry:
    """The function that the engine calls. poison: inputs that killed a worker; they do not run again.

    keep: called now and then between two inputs; see `spare`. opening: called once, with the first input in hand.
    rounds: looks after the process now and then.
    """
    runs = _runs(entry, catcher, poison, keep, opening, rounds)
    next(runs)
    return runs.send


def _runs(
    entry: Entry, catcher: ExceptionFilter, poison: frozenset[bytes], keep: Keep | None, opening: Opening | None,
    rounds: Rounds | None,
) -> Generator[None, bytes, None]:  # fmt: skip
    """One input a step. A generator keeps its state in local variables, which cost less than those of a closure."""
    flight, caught, always = catcher.flight, catcher.caught, catcher.documented.always
    head, body, page = flight.head, flight.body, flight.map
    begin, first, closed, elsewhere = beginnings(), FIRST, CLOSED, catcher.elsewhere
    length, kind, anything, note = LENGTH_OF, TYPE_OF, ANY, catcher.recent.append if rounds is not None else LENGTH_OF
    small = len(begin)
    run = _unless(poison, entry)
    refused, done = head[REFUSED], head[STARTED]
    kept = done + 1 if keep is not None else 1 << 62
    mark = done + 1 if rounds is not None else kept
    head[READY] = 1
    room = LARGE
    data = yield
    if opening is not None:
        opening()
    while True:
        for number in range(done + 1, mark + 1):
            size = length(data)
            if size < small:
                begin[size](page, first, number, size, data)
            else:
                body[:size] = data
                head[LENGTH] = size
                room -= size
                if room < 0 and rounds is not None:
                    room = LARGE
                    rounds.look()
                head[STARTED] = number
            note(data)
            try:
                run(data)
            except anything as error:
                if kind(error) in always:
                    refused += 1
                    head[REFUSED] = refused
                else:
                    caught(error, data)
                    refused = head[REFUSED]
            if elsewhere:
                catcher.flush(data)
            head[closed] = number
            data = yield
        done = mark
        if rounds is not None:
            rounds.look()
        if mark == kept and keep is not None:  # with an input in hand: a spare goes on with the same
            done, kept, poison = keep(mark, poison)
            run = _unless(poison, entry)
        refused = head[REFUSED]
        mark = min(kept, done + rounds.following(done)) if rounds is not None else kept


def _unless(poison: frozenset[bytes], entry: Entry) -> Entry:
    """The function, which does not run those inputs."""
    if not poison:
        return entry

    def wary(data: bytes) -> None:
        if data not in poison:
            entry(data)

    return wary
