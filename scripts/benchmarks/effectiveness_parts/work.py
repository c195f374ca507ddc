"""Pieces of work in processes of their own: one that fails, or whose process ends, leaves the others."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from mlfuzz.storage.lock import die_with_parent

Piece = TypeVar("Piece")
Answer = TypeVar("Answer")

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody has asked for the end. exit_code: 128 and the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C, SIGTERM and a hang-up raise `Stopped` inside, once; further ones are not heard until it is over."""

    def stop(number: int, _: FrameType | None) -> None:
        for each in ENDING:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def each_alone(
    run: Callable[[Piece], Answer], pieces: Sequence[Piece], jobs: int
) -> Iterator[tuple[Piece, Answer | BaseException]]:
    """What `run` gives for each piece, or raises there, as they are finished. run: a function of a module.

    Where a process ends (memory, a crash), all that had not finished runs again, one process a piece, so that what ends
    it is named: RuntimeError. Processes are ended at once where the iteration is left, as `Stopped` does.
    """
    unfinished = []
    for piece, answer in _pooled(run, pieces, jobs):
        if isinstance(answer, BrokenProcessPool):
            unfinished.append(piece)
        else:
            yield piece, answer
    for piece in unfinished:
        for _, answer in _pooled(run, [piece], 1):
            ended = isinstance(answer, BrokenProcessPool)
            yield piece, RuntimeError("its process ended: memory, or a crash") if ended else answer


def _pooled(
    run: Callable[[Piece], Answer], pieces: Sequence[Piece], jobs: int
) -> Iterator[tuple[Piece, Answer | BaseException]]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(os.getpid(),))
    try:
        futures: dict[Future[Any], Piece] = {pool.submit(run, piece): piece for piece in pieces}
        for future in as_completed(futures):
            error = future.exception()
            yield futures[future], future.result() if error is None else error
        pool.shutdown()
    except BaseException:
        for child in multiprocessing.active_children():
            child.kill()  # not asked to: a row that is cut short must not be written
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _begin(parent: int) -> None:
    """A terminal's Ctrl-C goes to all processes of a group: here the first one alone decides."""
    for number in ENDING:
        signal.signal(number, _unheard)  # SIG_IGN would be handed on to whatever is started here
    die_with_parent(parent)


def _unheard(number: int, frame: FrameType | None) -> None:
    pass
