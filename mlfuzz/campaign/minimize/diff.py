"""What an input differs from its seed in, in pieces that can be put back one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlfuzz.campaign.confirm.severity import edit_distance
from mlfuzz.modality.base import Modality, Payload, full_scale
from mlfuzz.modality.parts import parts_of

Kept = NDArray[np.bool_]
"""(pieces,), True where a piece stays changed."""

Pieces = NDArray[np.int64]
"""Numbers of pieces."""

Change: TypeAlias = NDArray[np.float64]


class Difference(Protocol):
    """pieces: how many there are. what: their name for people. total: how many an input has, changed or not."""

    @property
    def pieces(self) -> int: ...

    @property
    def what(self) -> str: ...

    @property
    def total(self) -> int: ...

    def payload(self, kept: Kept) -> Payload:
        """The seed with these pieces changed; all of them: the input itself."""

    def parts(self, kept: Kept) -> Iterator[Sequence[Pieces]]:
        """What is kept, cut into ever smaller neighbourhoods; the last cut is piece by piece."""

    def changed(self, payload: Payload) -> int:
        """How many pieces of a payload differ from the seed."""

    def largest(self, payload: Payload) -> float | None:
        """The largest change of a value, of full scale; None of texts."""


def difference(seed: Payload, payload: Payload, modality: Modality) -> Difference | None:
    """None where they are equal, or of different shapes: a stretched sound has no element of the seed at its place."""
    if isinstance(seed, str) or isinstance(payload, str):
        return Edits(str(seed), str(payload), parts_of(modality).pieces) if seed != payload else None
    if seed.shape != payload.shape or np.array_equal(seed, payload):
        return None
    return Elements(seed, payload, modality)


class Elements:
    """Positions of arrays (N,) or (C, ...) where any channel differs; neighbourhoods are stretches, squares, cubes."""

    def __init__(self, seed: NDArray[np.generic], payload: NDArray[np.generic], modality: Modality) -> None:
        self._seed, self._input = seed, payload
        self._channels = (slice(None),) * (seed.ndim > 1)
        self._places = np.argwhere(self._differs(payload))
        self.pieces = len(self._places)
        self.total = int(np.prod(seed.shape[len(self._channels) :]))
        self.what = parts_of(modality).pieces
        self._full_scale = full_scale(modality)

    def payload(self, kept: Kept) -> NDArray[np.generic]:
        made: NDArray[np.generic] = self._seed.copy()
        at = (*self._channels, *self._places[kept].T)
        made[at] = self._input[at]
        return made

    def parts(self, kept: Kept) -> Iterator[Sequence[Pieces]]:
        left = np.flatnonzero(kept)
        if not len(left):
            return
        side = 1 << int(max(self._seed.shape[len(self._channels) :]) - 1).bit_length() >> 1
        while side >= 1:
            cells = self._places[left] // side
            _, numbers = np.unique(cells, axis=0, return_inverse=True)
            order = np.argsort(numbers.ravel(), kind="stable")
            cuts = np.flatnonzero(np.diff(numbers.ravel()[order])) + 1
            parts = np.split(left[order], cuts)
            if len(parts) > 1 or side == 1:
                yield parts
            side //= 2

    def changed(self, payload: Payload) -> int:
        assert not isinstance(payload, str)
        return int(np.count_nonzero(self._differs(payload)))

    def largest(self, payload: Payload) -> float | None:
        assert not isinstance(payload, str)
        change = np.abs(payload.astype(np.float64) - self._seed.astype(np.float64))
        return float(change.max()) / self._full_scale

    def weaker(self, payload: Payload, share: float) -> NDArray[np.generic]:
        """Every change made smaller, to `share` of it; whole steps stay whole, and none passes its full size."""
        assert not isinstance(payload, str)
        return self._moved(payload, lambda change: change * share)

    def clipped(self, payload: Payload, share: float) -> NDArray[np.generic]:
        """No change larger than `share` of the largest."""
        assert not isinstance(payload, str)
        most = np.abs(payload.astype(np.float64) - self._seed.astype(np.float64)).max() * share
        return self._moved(payload, lambda change: np.clip(change, -most, most))

    def _differs(self, payload: NDArray[np.generic]) -> NDArray[np.bool_]:
        differs: NDArray[np.bool_] = np.asarray(payload != self._seed)
        return np.asarray(differs.any(axis=0)) if self._channels else differs

    def _moved(self, payload: NDArray[np.generic], by: Callable[[Change], Change]) -> NDArray[np.generic]:
        seed = self._seed.astype(np.float64)
        moved = seed + by(payload.astype(np.float64) - seed)
        made: NDArray[np.generic] = (np.rint(moved) if self._seed.dtype.kind in "iu" else moved).astype(
            self._seed.dtype
        )
        return made


class Edits:
    """Characters of texts that were put in, taken out or replaced, by the shortest alignment that difflib finds."""

    def __init__(self, seed: str, text: str, what: str) -> None:
        self._seed, self.what = seed, what
        self._edits = list(_edits(seed, text))
        self.pieces = len(self._edits)
        self.total = len(seed)

    def payload(self, kept: Kept) -> str:
        made, at = [], 0
        for (start, stop, new), keep in zip(self._edits, kept.tolist(), strict=True):
            made.append(self._seed[at:start])
            made.append(new if keep else self._seed[start:stop])
            at = stop
        return "".join([*made, self._seed[at:]])

    def parts(self, kept: Kept) -> Iterator[Sequence[Pieces]]:
        left = np.flatnonzero(kept)
        count = 2
        while len(left) and count < 2 * len(left):
            yield np.array_split(left, min(count, len(left)))
            count *= 2
        if len(left) == 1:
            yield [left]

    def changed(self, payload: Payload) -> int:
        return edit_distance(self._seed, str(payload))

    def largest(self, payload: Payload) -> float | None:
        return None


def _edits(seed: str, text: str) -> Iterator[tuple[int, int, str]]:
    """(start, stop, new) in the seed, in order: one character each, as far as that goes."""
    for tag, a, b, c, d in SequenceMatcher(None, seed, text, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        shared = min(b - a, d - c)
        yield from ((a + at, a + at + 1, text[c + at]) for at in range(shared))
        yield from ((at, at + 1, "") for at in range(a + shared, b))
        yield from ((b, b, text[at]) for at in range(c + shared, d))
