"""Frame-wise decisions, as of a voice detector: the same after what leaves time in place. On the host."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Batch
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation, Ragged
from mlfuzz.oracles.base import ORACLES, Floor, Verdict

STRETCHING = ("audio.speed", "audio.time_stretch")
"""Operators that change the pace evenly: answers of another length are laid over the seed's by proportion."""

WARPING = ("audio.shift", "audio.trim", "audio.silence_insert")
"""Operators that move time in a way that is not known here: their rows are unjudged."""


class Frames:
    """Fails where more than `bound` of the frames are decided otherwise than on the seed.

    Frames: (B, T) scores, decided by `threshold`; (B, T, classes), decided by the largest; or ragged ones.
    slack: a frame agrees if the seed's answer has its decision within so many frames.
    margin: share of frames that disagree - bound. key: of (B, T), 0 where fewer frames are above the threshold than
    before, else 1; of classes, the class of most of the frames that disagree.
    Unjudged: rows with operators of `warping`; with `stretching` and fixed length; of another length without either;
    and whose chain is not known. Raises ConfigError for values that make no sense.
    """

    name = "frames"
    unit = "share of frames, less the bound"
    where: Literal["device", "host"] = "host"
    relative = True

    def __init__(
        self, *, bound: float = 0.1, threshold: float = 0.5, slack: int = 1,
        warping: Sequence[str] = WARPING, stretching: Sequence[str] = STRETCHING,
    ) -> None:  # fmt: skip
        if not 0.0 < bound < 1.0:
            raise ConfigError(f"oracle frames: bound must lie between 0 and 1, not {bound}")
        if slack < 0:
            raise ConfigError(f"oracle frames: slack counts frames, it cannot be {slack}")
        self._bound, self._threshold, self._slack = bound, threshold, slack
        self._warping, self._stretching = tuple(warping), tuple(stretching)

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        after, before = self._decisions(seen), self._decisions(reference)
        margins, keys = np.full(len(batch), np.nan, np.float32), np.zeros(len(batch), np.int64)
        for row in np.flatnonzero(batch.invariant).tolist():
            expected = self._aligned(before[row], after[row], batch, row, ragged=_is_ragged(seen))
            if expected is None or not len(after[row]):
                continue
            wrong = self._wrong(after[row], expected)
            margins[row] = wrong.mean() - self._bound
            keys[row] = _key(after[row], expected, wrong, binary=self._binary(seen))
        margin = torch.from_numpy(margins)
        return Verdict(
            torch.where(_finite_rows(seen) & _finite_rows(reference), margin, math.nan), torch.from_numpy(keys)
        )

    def noise(self, floor: Floor) -> float:
        return 0.0

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        after, before = self._decisions(seen)[row], self._decisions(reference)[row]
        aligned = self._aligned(before, after, batch, row, ragged=_is_ragged(seen))
        wrong = [] if aligned is None else np.flatnonzero(self._wrong(after, aligned)).tolist()
        return {
            "expected": f"{len(after)} frames as on the seed",
            "expected_from": "model",
            "observed": f"{len(wrong)} of {len(after)} frames decided otherwise",
            "frames": wrong[:64],
        }

    def describe(self) -> dict[str, Any]:
        return {
            "bound": self._bound, "threshold": self._threshold, "slack": self._slack,
            "warping": list(self._warping), "stretching": list(self._stretching),
        }  # fmt: skip

    def _decisions(self, seen: Observation) -> list[NDArray[np.int64]]:
        """One (T,) array a row."""
        values, lengths = _frames(seen)
        decided = (values > self._threshold).long() if values.dim() == 2 else values.argmax(dim=2)
        return [row[:length] for row, length in zip(decided.cpu().numpy(), lengths, strict=True)]

    def _binary(self, seen: Observation) -> bool:
        return _frames(seen)[0].dim() == 2

    def _aligned(
        self, before: NDArray[np.int64], after: NDArray[np.int64], batch: Batch, row: int, *, ragged: bool
    ) -> NDArray[np.int64] | None:
        """The seed's decisions on the row's own frames; None where it is not known which belongs to which."""
        if batch.chains is None or not len(before):
            return None
        names = [mutation.name for mutation in batch.chains(row)]
        if _any_matches(names, self._warping):
            return None
        if not _any_matches(names, self._stretching):
            return before if len(before) == len(after) else None
        if not ragged:
            return None
        at = (np.arange(len(after)) + 0.5) * len(before) / max(1, len(after))
        return before[at.astype(np.int64)]

    def _wrong(self, after: NDArray[np.int64], expected: NDArray[np.int64]) -> NDArray[np.bool_]:
        wrong: NDArray[np.bool_] = after != expected
        for shift in range(1, min(self._slack, len(after) - 1) + 1):
            wrong[shift:] &= after[shift:] != expected[:-shift]
            wrong[:-shift] &= after[:-shift] != expected[shift:]
        return wrong


def _frames(seen: Observation) -> tuple[Tensor, list[int]]:
    """(B, T) or (B, T, classes), and the valid frames of each row."""
    output = seen.outputs["main"]
    if isinstance(output, Ragged) and output.values.dim() in (2, 3):
        return output.values, output.lengths.tolist()
    if isinstance(output, Tensor) and output.dim() in (2, 3):
        return output, [output.shape[1]] * len(output)
    shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    raise ConfigError(f"oracle frames needs (B, T) or (B, T, classes), or ragged ones; the target gives {shape}")


def _is_ragged(seen: Observation) -> bool:
    return isinstance(seen.outputs["main"], Ragged)


def _finite_rows(seen: Observation) -> Tensor:
    values, _ = _frames(seen)
    return torch.isfinite(values.reshape(len(values), -1)).all(dim=1).cpu()


def _any_matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _key(after: NDArray[np.int64], expected: NDArray[np.int64], wrong: NDArray[np.bool_], *, binary: bool) -> int:
    if not wrong.any():
        return 0
    return int(after.sum() > expected.sum()) if binary else int(np.bincount(after[wrong]).argmax())


ORACLES.add("frames", Frames)
