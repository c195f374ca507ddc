"""Which way an input moves the model from its seed, in 64 bytes."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.campaign.confirm.oracle_run import OracleAnswer, OracleRun
from mlfuzz.findings.sketch import DIMENSIONS
from mlfuzz.observation import Observation

LEVELS = 127


def shift_of(trial: OracleRun, answer: OracleAnswer) -> str:
    """A sketch of how the first row moved the last watched layer, which stands nearest to the answer.

    Of a black box, of how it moved the scores. "" where that is not known.
    """
    seen, reference = answer.seen, trial.reference
    if seen is None or reference is None:
        return ""
    layers = getattr(trial.target, "layers", ())
    if layers:
        part = slice(layers[-1].start, layers[-1].stop)
        after, before = seen.activations[0, part], reference.activations[0, part]
    else:
        after, before = _numbers(seen), _numbers(reference)
    return sketch((after - before).float().cpu().numpy()) if after.shape == before.shape else ""


def sketch(shift: NDArray[np.floating]) -> str:
    """A change of activations (units,) as text: its direction, 8 bits a dimension; "" where there is none.

    More units than DIMENSIONS are added up with signs in a fixed pattern, which keeps angles to about 1/8.
    Source: Charikar, Chen and Farach-Colton, Finding frequent items in data streams, 2002, section 3 (count sketch).
    """
    folded = _folded(np.asarray(shift, np.float64).ravel())
    length = float(np.linalg.norm(folded))
    if not np.isfinite(length) or length == 0.0:
        return ""
    levels = np.rint(folded / np.abs(folded).max() * LEVELS).astype(np.int8)
    return base64.b64encode(levels.tobytes()).decode()


def _numbers(seen: Observation) -> Tensor:
    """The main output of the first row, flat; of texts and sequences nothing."""
    output = seen.outputs["main"]
    return output[0].flatten() if isinstance(output, Tensor) else seen.activations[0, :0]


def _folded(shift: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(shift) <= DIMENSIONS:
        return shift
    mixed = _mixed(np.arange(len(shift), dtype=np.uint64))
    signs = np.where(mixed & np.uint64(1 << 40), 1.0, -1.0)
    folded = np.zeros(DIMENSIONS)
    np.add.at(folded, (mixed % np.uint64(DIMENSIONS)).astype(np.int64), shift * signs)
    return folded


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The same pseudo-random numbers wherever it runs (splitmix64: Steele, Lea and Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        mixed = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
