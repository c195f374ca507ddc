"""How bad a failure is: how far the answer moved, for how small a change. One number, comparable within a target."""

from __future__ import annotations

import math

import numpy as np

from mlfuzz.campaign.confirm.complexity import severity as share_of_range
from mlfuzz.campaign.evidence import TYPICAL
from mlfuzz.findings.finding import Finding
from mlfuzz.modality.base import Payload, full_scale, rebuild
from mlfuzz.mutation import Chain
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.mutators.limits.limits import FIXED_SEVERITY
from mlfuzz.mutators.param import Integer, LogReal, Real

LEAST_CHANGE = 0.01
"""Smaller changes count as this: below it the measure would be of rounding."""


def severity_of(finding: Finding, payload: Payload, seed: Payload | None) -> float | None:
    """(margin of the input - margin of its seed) / margin of a typical seed / size of the change; 3 digits.

    1: a change across the whole range of one operator moves the answer as far as a typical seed is from failing. A
    large swing from a small change is the worse one. It is the steepness that counts, not the margin alone: a shrunk
    input fails by next to nothing, and seeds that nearly fail as they are would lead any ranking by change alone.
    What raises or gives no number has swung by one typical margin. None where there is no seed to compare with.
    """
    if seed is None:
        return None
    scale = full_scale(rebuild(finding.modality))
    size = max(LEAST_CHANGE, size_of_change(finding.chain, payload, seed, scale=scale))
    return float(f"{_swing(finding) / size:.3g}")


def size_of_change(chain: Chain, payload: Payload, seed: Payload, *, scale: float) -> float:
    """How far an input is from its seed, in the measure that its modality's limits are set in.

    Of texts the characters inserted, deleted or replaced, as a share of the seed's. Else the sum over the chain of each
    step's share of its operator's range, as the limits count it; of a step that records its result alone, the root mean
    square of what it changed, of full scale (`scale`, in steps of the grid). A rotation by a degree moves many pixels,
    and is a small change.
    """
    if isinstance(payload, str) or isinstance(seed, str):
        return edit_distance(str(seed), str(payload)) / max(1, len(str(seed)))
    shares = [_share(step.name, share_of_range(step)) for step in chain]
    return math.fsum(rms(payload, seed, scale=scale) if share is None else share for share in shares)


def edit_distance(one: str, other: str) -> int:
    """Characters inserted, deleted or replaced (Levenshtein 1966); time and memory as the product, row by row."""
    if len(one) < len(other):
        one, other = other, one
    codes = np.frombuffer(other.encode("utf-32-le", "surrogatepass"), np.uint32)
    steps = np.arange(len(other) + 1)
    row = steps.copy()
    for at, char in enumerate(one, start=1):
        cheapest = np.minimum(row[1:] + 1, row[:-1] + (codes != ord(char)))
        # Insertions run along the row: the least of what lies to the left, plus the way from there.
        row = np.minimum.accumulate(np.concatenate(([at], cheapest)) - steps) + steps
    return int(row[-1])


def rms(payload: Payload, seed: Payload, *, scale: float) -> float:
    """Root mean square of the difference, of full scale; what one has beyond the other's end counts whole."""
    one, other = (np.asarray(each, np.float64) / scale for each in (payload, seed))
    if one.shape[:-1] != other.shape[:-1]:
        return 1.0
    length = max(one.shape[-1], other.shape[-1])
    one, other = (np.pad(each, [(0, 0)] * (each.ndim - 1) + [(0, length - each.shape[-1])]) for each in (one, other))
    return float(np.sqrt(np.mean(np.square(one - other))))


def typical_margins(margins: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> tuple[float, ...]:
    """Margins of seeds (seeds, oracles), NaN where unjudged -> how far the middle one is from failing, 0 if unknown."""
    columns = [column[np.isfinite(column)] for column in -np.asarray(margins, np.float64).T]
    return tuple(max(0.0, float(np.median(column))) if len(column) else 0.0 for column in columns)


def _swing(finding: Finding) -> float:
    before = finding.before.margin if finding.before else None
    if finding.margin is None or before is None:
        return 1.0
    typical = finding.evidence.get(TYPICAL)
    scale = float(typical) if isinstance(typical, int | float) and typical > 0 else abs(before)
    return max(0.0, finding.margin - before) / max(scale, 1e-12)


def _share(name: str, share: float) -> float | None:
    """None of a `replace`, whose parameter is the result; a step that cannot be made milder counts as in the limits."""
    space = MUTATORS.get(name).space
    if not space or name.endswith(".replace"):
        return None
    mild = any(isinstance(param, Real | LogReal | Integer) and param.neutral is not None for param in space.values())
    return share if mild else FIXED_SEVERITY
