"""A smaller input for which something still holds: chunks away, then bytes to zero.

Source: Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, IEEE TSE 28(2), 2002, section 3 (only
complements are tried: subsets alone hardly ever keep a parser's key).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator

Keeps = Callable[[bytes], bool]
Simpler = Callable[[bytes], Generator[bytes, bool | None, None]]
"""Candidates of a format, from coarse to fine; sent whether one is kept, it goes on from there."""

ZERO = 0x30
"""The byte "0": a person reads a minimised text more easily with it than with NUL."""


WINDOWS = range(9, 1, -1)
"""Sizes of pieces that are left out wherever they begin: those of a small header, or of a number."""

FEW = 256
"""Bytes: larger inputs have too many places for that."""

_WORD = re.compile(rb"\w{2,64}")

WIDTHS = (1, 2, 4)
"""Bytes of a length before what it counts; of a little-endian one the first is the lowest."""


class RunBudget:
    """Ends a search. seconds: of wall time; tries: of candidates."""

    def __init__(self, seconds: float, tries: int = 1 << 30) -> None:
        self._deadline = time.monotonic() + seconds
        self.tries = tries
        self.over = False

    def spent(self) -> bool:
        """Counts a try; once it is spent, it is over."""
        self.tries -= 1
        self.over = self.tries < 0 or time.monotonic() > self._deadline
        return self.over


def smallest(payload: bytes, keeps: Keeps, budget: RunBudget, *, hints: Simpler | None = None) -> bytes:
    """The smallest input found; `payload` itself where nothing smaller keeps. hints: a format's own simpler forms."""
    known: dict[bytes, bool] = {payload: True}

    def holds(candidate: bytes) -> bool:
        if candidate not in known:
            if budget.spent():
                return False
            known[candidate] = keeps(candidate)
        return known[candidate]

    best = payload
    while not budget.over:
        before = best
        if hints is not None:
            best = _hinted(best, holds, hints, budget)
        best = _cut_ends(best, holds)
        best = _chunks(best, holds)
        best = _lengths(best, holds)
        if best == before:
            best = _windows(best, holds)
        if best == before:
            best = _words(best, holds)
        if best == before:
            best = _plainer(best, holds)  # which makes lengths smaller, too
        if best == before:
            break
    return best


def _hinted(best: bytes, holds: Keeps, hints: Simpler, budget: RunBudget) -> bytes:
    search = hints(best)
    candidate = next(search, None)
    while candidate is not None and not budget.over:
        # As long is enough: what is compressed gets no shorter with each byte.
        kept = len(candidate) <= len(best) and candidate != best and holds(candidate)
        if kept:
            best = candidate
        try:
            candidate = search.send(kept)
        except StopIteration:
            break
    return best


def _cut_ends(best: bytes, holds: Keeps) -> bytes:
    """The shortest prefix by bisection: most failures are decided before the end. Then the same from the front."""
    for cut in (_first, _last):
        low, high = 0, len(best)
        while low < high:
            middle = (low + high) // 2
            if holds(cut(best, middle)):
                high = middle
            else:
                low = middle + 1
        if high < len(best) and holds(cut(best, high)):
            best = cut(best, high)
    return best


def _first(data: bytes, size: int) -> bytes:
    return data[:size]


def _last(data: bytes, size: int) -> bytes:
    return data[len(data) - size :]


def _chunks(best: bytes, holds: Keeps) -> bytes:
    """Leave chunks out, halving their size down to single bytes."""
    size = max(1, len(best) // 2)
    while size and best:
        start, removed = 0, False
        while start < len(best):
            candidate = best[:start] + best[start + size :]
            if holds(candidate):
                best, removed = candidate, True
            else:
                start += size
        if size == 1 and not removed:
            break
        size = size if removed and size == 1 else size // 2
    return best


def _lengths(best: bytes, holds: Keeps) -> bytes:
    """Empty what has its length before it, and say so there: such a body cannot be cut by itself."""
    at = 0
    while at < len(best):
        for width in WIDTHS:
            count, body = best[at], at + width
            if count and body + count <= len(best):
                candidate = best[:at] + b"\0" + best[at + 1 : body] + best[body + count :]
                if holds(candidate):
                    best = candidate
                    break
        at += 1
    return best


def _windows(best: bytes, holds: Keeps) -> bytes:
    """Leave out short pieces at any place; chunks begin at multiples of their size alone."""
    if len(best) > FEW:
        return best
    for size in WINDOWS:
        start = 0
        while start + size <= len(best):
            candidate = best[:start] + best[start + size :]
            if holds(candidate):
                best = candidate
            else:
                start += 1
    return best


def _words(best: bytes, holds: Keeps) -> bytes:
    """A word that stands at several places, as a name and what refers to it, becomes shorter at all of them."""
    for word in sorted({one for one in _WORD.findall(best) if best.count(one) > 1}, key=len, reverse=True)[:FEW]:
        for shorter in (b"", word[:1]):
            if holds(best.replace(word, shorter)):
                best = best.replace(word, shorter)
                break
    return best


def _plainer(best: bytes, holds: Keeps) -> bytes:
    """Bytes to zero, or to "0", in chunks and then one by one: what stays is what matters."""
    for plain in (0, ZERO):
        size = len(best)
        while size:
            for start in range(0, len(best), size):
                chunk = best[start : start + size]
                if any(byte not in (0, ZERO) for byte in chunk):
                    candidate = best[:start] + bytes([plain]) * len(chunk) + best[start + size :]
                    if holds(candidate):
                        best = candidate
            size //= 2
    return best
