"""Run a batch on a target; what it raises becomes data, row by row."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np
import torch

from mlfuzz.batch import Indices, Rows
from mlfuzz.errors import AnswerError, DiskFullError, TargetError
from mlfuzz.observation import Crash, Observation
from mlfuzz.storage.remedy import surroundings_error
from mlfuzz.targets.base import Target

MAX_ROWS_PER_KEY = 8
"""One fault is shown by a few rows: the rest of a batch that raises in the same way is not taken apart."""

TRACEBACK_CHARS = 8_000
OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@dataclass(frozen=True, slots=True)
class Execution:
    """ran: rows that gave an answer, ascending. seen: theirs, in that order; None where none did.

    crashes: (row, Crash). refused: rows answered by an exception that the target declares as proper.
    skipped: rows not run to the end, because enough of their kind had crashed already.
    """

    ran: Indices
    seen: Observation | None
    crashes: tuple[tuple[int, Crash], ...] = ()
    refused: int = 0
    skipped: int = 0


def execute(target: Target, rows: Rows) -> Execution:
    """One forward pass where all is well; a raising batch is halved until the guilty rows stand alone.

    k guilty rows cost about 2 k log2(B) calls. Out of memory halves the batch and is a finding only of a row alone.
    Errors of the device itself (which leave it unusable) are raised on: the worker dies and its supervisor takes over.
    A disk that is full under what the target writes or prints says nothing of an input. Raises DiskFullError.
    """
    try:
        seen = target.run(rows)
    except KeyboardInterrupt:
        raise
    except Exception as error:  # noqa: BLE001  what the system under test raises is data
        _raise_if_no_fault_of_an_input(target, error)
        return _taken_apart(target, rows, error)
    return Execution(np.arange(len(rows)), seen)


def crash_of(error: BaseException) -> Crash:
    """An exception as data: its type, message, and frames outside mlfuzz, outermost first."""
    kind = "memory" if isinstance(error, MemoryError | torch.OutOfMemoryError) else "exception"
    text = "".join(traceback.format_exception(error, limit=30))
    return Crash(kind, type(error).__name__, said(error)[:500], frames_of(error.__traceback__), text[-TRACEBACK_CHARS:])


def said(error: BaseException) -> str:
    """Its text, where it has one that can be had."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001  an exception's text is foreign code too
        return f"{type(error).__name__} whose text cannot be had"


def frames_of(trace: TracebackType | None) -> tuple[str, ...]:
    """ "file:function" of each frame outside mlfuzz's engine; library paths are cut to what is below site-packages."""
    frames = []
    for frame in traceback.extract_tb(trace):
        own = frame.filename.startswith(OWN_FOLDER + os.sep)
        if own and not any(f"{os.sep}{part}{os.sep}" in frame.filename for part in ("examples", "testing")):
            continue
        path = frame.filename.rpartition("site-packages" + os.sep)[2]
        frames.append(f"{path if path != frame.filename else os.path.basename(path)}:{frame.name}")
    return tuple(frames)


def _taken_apart(target: Target, rows: Rows, error: Exception) -> Execution:
    ran: list[int] = []
    seen: list[Observation] = []
    crashes: list[tuple[int, Crash]] = []
    counts: dict[str, int] = {}
    refused = skipped = 0
    pending: list[tuple[int, int, Exception | None]] = [(0, len(rows), error)]
    while pending:
        start, stop, known = pending.pop()
        if known is None:
            try:
                observation = target.run(rows.part(start, stop))
            except KeyboardInterrupt:
                raise
            except Exception as raised:  # noqa: BLE001  what the system under test raises is data
                _raise_if_no_fault_of_an_input(target, raised)
                known = raised
            else:
                ran += range(start, stop)
                seen.append(observation)
                continue
        if counts.get(crash_of(known).key, 0) >= MAX_ROWS_PER_KEY:
            skipped += stop - start
        elif stop - start > 1:
            middle = (start + stop) // 2
            pending += [(middle, stop, None), (start, middle, None)]
        elif isinstance(known, target.raises):
            refused += 1
        else:
            crash = crash_of(known)
            counts[crash.key] = counts.get(crash.key, 0) + 1
            crashes.append((start, crash))
    order = np.argsort(np.asarray(ran, np.int64), kind="stable")
    joined = Observation.join(seen).take(order) if seen else None
    return Execution(np.asarray(ran, np.int64)[order], joined, tuple(crashes), refused, skipped)


def broken_target(execution: Execution, unmutated: Sequence[int], batch: int) -> str:
    """Why this is the target's own error rather than findings, or "".

    An unmutated parent raises alone, or a quarter of the rows that were looked at raise. What was skipped says nothing:
    in a large batch hardly a half is free of rows that raise, though they be few.
    """
    raising = dict(execution.crashes)
    looked_at = len(raising) + len(execution.ran) + execution.refused
    for row in unmutated:
        if row in raising:
            return f"it raises on an unmutated input: {raising[row].type}: {raising[row].message}"
    if raising and len(raising) > looked_at // 4 and batch >= 8:
        first = execution.crashes[0][1]
        return f"a quarter of the inputs raise: {first.type}: {first.message}"
    return ""


def _raise_if_no_fault_of_an_input(target: Target, error: Exception) -> None:
    """What is no data: the target cannot be run at all, its device is lost, or a disk is full."""
    if isinstance(error, TargetError) and not (isinstance(error, AnswerError) and getattr(target, "answered", False)):
        raise error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):  # its own files, or what it prints
        full = surroundings_error(error)
        assert full is not None
        raise DiskFullError(f"the target could not write: {full}") from error
    lost = getattr(torch, "AcceleratorError", None)
    if (lost is not None and isinstance(error, lost)) or "CUDA error" in said(error):
        raise error
