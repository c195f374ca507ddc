"""Embeddings: close to the seed's own, and with the same nearest neighbour in a gallery."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from mlfuzz.batch import Batch
from mlfuzz.errors import ConfigError
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import ORACLES, SPREAD_SHARE, Floor, Verdict, margin_floor


class Cosine:
    """Fails where a label-preserving chain turns the embedding (B, D) away from the seed's: cosine below `bound`.

    margin: bound - cosine. Vectors of zeros, NaN or infinity are unjudged.
    Raises ConfigError where bound is not below 1.
    """

    name = "cosine"
    unit = "cosine below the bound"
    where: Literal["device", "host"] = "device"
    relative = True

    def __init__(self, *, bound: float = 0.8) -> None:
        if not -1.0 <= bound < 1.0:
            raise ConfigError(f"oracle cosine: bound must lie in [-1, 1), not {bound}")
        self._bound = bound

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        margin = self._bound - (_directions(seen) * _directions(reference)).sum(dim=1)
        return Verdict(_masked(margin, batch), torch.zeros(len(batch), dtype=torch.int64, device=margin.device))

    def noise(self, floor: Floor) -> float:
        return _cosine_floor(floor)

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        cosine = float((_directions(seen)[row] * _directions(reference)[row]).sum())
        return {
            "expected": f"cosine >= {self._bound:g}",
            "expected_from": "model",
            "observed": f"cosine {cosine:.3f}",
            "change": "turned away",
            "length_before": float(_vectors(reference)[row].norm()),
            "length_after": float(_vectors(seen)[row].norm()),
        }

    def describe(self) -> dict[str, Any]:
        return {"bound": self._bound}


class Neighbour:
    """Fails where the nearest vector of a gallery is another than the seed's own: a search would answer otherwise.

    gallery: an .npy file of vectors (N, D), N >= 2, such as the embeddings of the seeds; nearest is by cosine.
    margin: the best other cosine - the cosine to the seed's nearest. key: expected * N + got.
    Raises ConfigError where the file is not that.
    """

    name = "neighbour"
    unit = "cosine"
    where: Literal["device", "host"] = "device"
    relative = True

    def __init__(self, *, gallery: str) -> None:
        self._file = gallery
        self._gallery = _read_gallery(Path(gallery))

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        near, expected = self._cosines(seen), self._cosines(reference).nan_to_num(-1.0).argmax(dim=1)
        own = near.gather(1, expected[:, None])[:, 0]
        others, got = near.scatter(1, expected[:, None], -math.inf).max(dim=1)
        return Verdict(_masked(others - own, batch), expected * near.shape[1] + got)

    def noise(self, floor: Floor) -> float:
        return _cosine_floor(floor)

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        near, before = self._cosines(seen)[row], self._cosines(reference)[row]
        expected, got = int(before.argmax()), int(near.argmax())
        return {
            "expected": f"gallery {expected}",
            "expected_from": "model",
            "observed": f"gallery {got}",
            "cosine_to_expected": float(near[expected]),
            "cosine_to_observed": float(near[got]),
        }

    def describe(self) -> dict[str, Any]:
        return {"gallery": self._file}

    def _cosines(self, seen: Observation) -> Tensor:
        directions = _directions(seen)
        if directions.shape[1] != self._gallery.shape[1]:
            raise ConfigError(
                f"oracle neighbour: {self._file} has vectors of {self._gallery.shape[1]} values, "
                f"the target gives {directions.shape[1]}"
            )
        return directions @ self._gallery.to(directions).T


def _vectors(seen: Observation) -> Tensor:
    """(B, D) float32. Raises ConfigError where the main output holds no vectors."""
    vectors = seen.outputs["main"]
    if not isinstance(vectors, Tensor) or vectors.dim() != 2 or vectors.shape[1] < 2:
        shape = tuple(vectors.shape) if isinstance(vectors, Tensor) else type(vectors).__name__
        raise ConfigError(
            f"oracles cosine and neighbour need one vector an input, (B, D >= 2); the target gives {shape}"
        )
    return vectors.float()


def _directions(seen: Observation) -> Tensor:
    """Vectors of length 1; NaN for a vector of zeros, which has no direction, and for what is not finite."""
    vectors = _vectors(seen)
    length = vectors.norm(dim=1, keepdim=True)
    return torch.where((length > 0) & (length < math.inf), normalize(vectors, dim=1), math.nan)


def _masked(margin: Tensor, batch: Batch) -> Tensor:
    return torch.where(torch.from_numpy(batch.invariant).to(margin.device), margin, math.nan)


def _cosine_floor(floor: Floor) -> float:
    """A change of every value by e turns a vector of deviation s by about e / s."""
    return max(margin_floor(floor) / floor.spread if floor.spread > 0 else 0.0, SPREAD_SHARE)


def _read_gallery(path: Path) -> Tensor:
    if not path.is_file():  # a record may name a pipe, which nobody would ever end
        raise ConfigError(f"oracle neighbour: gallery {path} is no file")
    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ConfigError(f"oracle neighbour: gallery {path}: {error}") from error
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or len(vectors) < 2 or not np.isfinite(vectors).all():
        raise ConfigError(f"oracle neighbour: gallery {path} must hold finite vectors (N >= 2, D)")
    return normalize(torch.from_numpy(vectors.astype(np.float32)), dim=1)


ORACLES.add("cosine", Cosine)
ORACLES.add("neighbour", Neighbour)
