"""Frame-wise decisions, as of a voice detector: the same at the same place of what is heard. On the host."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Batch, Indices, Rows, TensorRows
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation, Ragged
from mlfuzz.oracles.base import ORACLES, Floor, Verdict
from mlfuzz.timemap import known, traced, warps

LEAST_KNOWN = 0.5
"""Share of a row's frames that must come from somewhere on the seed for the row to be judged."""


class Frames:
    """Fails where more than `bound` of the frames are decided otherwise than on the seed.

    Frames: (B, T) scores, decided by `threshold`; (B, T, classes), decided by the largest; or ragged ones.
    slack: a frame agrees if the seed's answer has its decision within so many frames.
    margin: share of frames that disagree - bound. key: of (B, T), 0 where fewer frames are above the threshold than
    before, else 1; of classes, the class of most of the frames that disagree.
    Where operators moved or bent time, each frame is held against the frame of the seed that it comes from (see
    `mlfuzz.timemap`); those that come from nowhere, as an inserted pause does, do not count.
    Unjudged: rows whose operators bend time in a way that is not known, or of another length though none bends it;
    whose chain is not known; and of which more than half comes from nowhere.
    Raises ConfigError for values that make no sense.
    """

    name = "frames"
    unit = "share of frames, less the bound"
    where: Literal["device", "host"] = "host"
    relative = True

    def __init__(self, *, bound: float = 0.1, threshold: float = 0.5, slack: int = 1) -> None:
        if not 0.0 < bound < 1.0:
            raise ConfigError(f"oracle frames: bound must lie between 0 and 1, not {bound}")
        if slack < 0:
            raise ConfigError(f"oracle frames: slack counts frames, it cannot be {slack}")
        self._bound, self._threshold, self._slack = bound, threshold, slack

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        after, before = self._decisions(seen), self._decisions(reference)
        margins, keys = np.full(len(batch), np.nan, np.float32), np.zeros(len(batch), np.int64)
        for row in np.flatnonzero(batch.invariant).tolist():
            places = _places(len(before[row]), len(after[row]), batch, row)
            if places is None:
                continue
            found, expected, wrong = self._compared(before[row], after[row], places)
            margins[row] = wrong.mean() - self._bound
            keys[row] = _key(found, expected, wrong, binary=self._binary(seen))
        margin = torch.from_numpy(margins)
        return Verdict(
            torch.where(_finite_rows(seen) & _finite_rows(reference), margin, math.nan), torch.from_numpy(keys)
        )

    def noise(self, floor: Floor) -> float:
        return 0.0

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        after, before = self._decisions(seen)[row], self._decisions(reference)[row]
        places = _places(len(before), len(after), batch, row)
        binary = self._binary(seen)
        wrong: list[int] = []
        if places is not None:
            wrong = np.flatnonzero(places >= 0)[self._compared(before, after, places)[2]].tolist()
        return {
            "expected": f"{len(after)} frames as on the seed",
            "expected_from": "model",
            "observed": f"{len(wrong)} of {len(after)} frames decided otherwise" + _events(before, after, binary),
            "change": _direction(before, after, binary),
            "frames": wrong[:64],
        }

    def describe(self) -> dict[str, Any]:
        return {"bound": self._bound, "threshold": self._threshold, "slack": self._slack}

    def _decisions(self, seen: Observation) -> list[NDArray[np.int64]]:
        """One (T,) array a row."""
        values, lengths = _frames(seen)
        decided = (values > self._threshold).long() if values.dim() == 2 else values.argmax(dim=2)
        return [row[:length] for row, length in zip(decided.cpu().numpy(), lengths, strict=True)]

    def _binary(self, seen: Observation) -> bool:
        return _frames(seen)[0].dim() == 2

    def _compared(
        self, before: NDArray[np.int64], after: NDArray[np.int64], places: Indices
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Of the frames that come from somewhere: what was decided, what should have been, and which are wrong."""
        known = places >= 0
        found, places = after[known], places[known]
        wrong = np.ones(len(found), np.bool_)
        for shift in range(-self._slack, self._slack + 1):
            wrong &= found != before[(places + shift).clip(0, len(before) - 1)]
        return found, before[places], wrong


def _places(before: int, after: int, batch: Batch, row: int) -> Indices | None:
    """The seed's frame for each frame of a row, -1 for none; None where that is not known of the row."""
    if batch.chains is None or not before or not after:
        return None
    chain = batch.chains(row)
    if not warps(chain):
        return np.arange(after) if before == after else None
    seconds = _seconds(batch.rows, row)
    if seconds is None or not known(chain):
        return None
    frame = seconds / after
    fixed = isinstance(batch.rows, TensorRows) and batch.rows.lengths is None
    moments = traced((np.arange(after) + 0.5) * frame, chain, before * frame, fixed=fixed)
    places = np.where(np.isnan(moments), -1.0, moments / frame).astype(np.int64)
    places[places >= before] = -1
    return places if (places >= 0).mean() >= LEAST_KNOWN else None


def _seconds(rows: Rows, row: int) -> float | None:
    """How long a waveform is; None where it is none."""
    rate_hz = getattr(getattr(rows, "modality", None), "sample_rate_hz", None)
    if not isinstance(rows, TensorRows) or rate_hz is None:
        return None
    samples = rows.data.shape[-1] if rows.lengths is None else int(rows.lengths[row])
    return float(samples / rate_hz)


def _frames(seen: Observation) -> tuple[Tensor, list[int]]:
    """(B, T) or (B, T, classes), and the valid frames of each row."""
    output = seen.outputs["main"]
    if isinstance(output, Ragged) and output.values.dim() in (2, 3):
        return output.values, output.lengths.tolist()
    if isinstance(output, Tensor) and output.dim() in (2, 3):
        return output, [output.shape[1]] * len(output)
    shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    raise ConfigError(f"oracle frames needs (B, T) or (B, T, classes), or ragged ones; the target gives {shape}")


def _finite_rows(seen: Observation) -> Tensor:
    values, _ = _frames(seen)
    return torch.isfinite(values.reshape(len(values), -1)).all(dim=1).cpu()


def _direction(before: NDArray[np.int64], after: NDArray[np.int64], binary: bool) -> str:
    """What became of the frames, for grouping."""
    if not binary:
        return "other classes"
    more, fewer = after.sum() > before.sum(), after.sum() < before.sum()
    return "more frames" if more else "fewer frames" if fewer else "frames moved"


def _events(before: NDArray[np.int64], after: NDArray[np.int64], binary: bool) -> str:
    """ ": 1 event lost, 2 events gained"; of a stretch of frames above the threshold none is left."""
    if not binary or len(before) != len(after):
        return ""
    lost, gained = _stretches(before, after), _stretches(after, before)
    changes = [(count, word) for count, word in ((lost, "lost"), (gained, "gained")) if count]
    parts = [f"{count} event{'s' * (count > 1)} {word}" for count, word in changes]
    return f": {', '.join(parts)}" if parts else ""


def _stretches(ones: NDArray[np.int64], others: NDArray[np.int64]) -> int:
    """How many stretches of ones have none of the others' within them."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], ones, [0]))))
    return sum(not others[start:stop].any() for start, stop in zip(edges[::2], edges[1::2], strict=True))


def _key(after: NDArray[np.int64], expected: NDArray[np.int64], wrong: NDArray[np.bool_], *, binary: bool) -> int:
    if not wrong.any():
        return 0
    return int(after.sum() > expected.sum()) if binary else int(np.bincount(after[wrong]).argmax())


ORACLES.add("frames", Frames)
