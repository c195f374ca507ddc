"""What keeps a search within the limits of the inputs it began from, and on the grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from mlfuzz.batch import Indices, Rows, TensorRows, TextRows
from mlfuzz.campaign.search.boundary import Bound
from mlfuzz.mutators.limits.distance import distance
from mlfuzz.mutators.limits.limits import Limits

SPAN = 8 / 255
"""How far a value may come from its seed where the limits do not say, of full scale: the radius at which a person sees
the same picture (Madry et al., ICLR 2018); of a sound, a whisper of noise."""

ACROSS_SPAN = 0.2
"""The same where two forms of a target should agree, whatever the input means: TensorFuzz's .4 on [-1, 1]."""

FREE_SPAN = 1.0
"""The same where any input at all should be answered with numbers."""


SHARES_BACK = (0.8, 0.8, 0.7, 0.6, 0.5)
"""Of the way from the root that a row beyond a limit keeps, one after another: to an eighth in all."""


def spanned(limits: Limits, span: float = SPAN) -> Limits:
    """The limits, with an L-infinity where they have none: DeepHunter's beta where that is set, else `span`."""
    if limits.linf is not None:
        return limits
    return replace(limits, linf=limits.alpha_beta[1] if limits.alpha_beta else span)


def bounded(roots: TensorRows, limits: Limits) -> Bound:
    """(rows, which) -> those rows within the limits of roots[which] and on the grid; behind their lengths is silence.

    Clipped to `linf`. Where another limit is passed, brought back towards the root step by step, in the end to it.
    """
    measure = distance(roots.modality.name, limits if limits.by_distance else None)
    others = any(name != "linf" for name in limits.distances)

    def bound(rows: TensorRows, which: Indices) -> TensorRows:
        own = roots.take(which)
        clipped = measure.clip(_silenced(rows), own, limits)
        assert isinstance(clipped, TensorRows)
        return _brought_back(clipped, own, limits) if others else clipped

    return bound


def _brought_back(rows: TensorRows, roots: TensorRows, limits: Limits) -> TensorRows:
    for share in (*SHARES_BACK, 0.0):
        beyond = torch.from_numpy(~admitted(rows, roots, limits, kind="replace")).to(rows.data.device)
        if not bool(beyond.any()):
            break
        shape = (-1, *[1] * (rows.data.dim() - 1))
        nearer = replace(rows, data=roots.data + (rows.data - roots.data) * share).project()
        rows = replace(rows, data=torch.where(beyond.reshape(shape), nearer.data, rows.data))
    return rows


def admitted(
    rows: TensorRows | TextRows, roots: Rows, limits: Limits, *, kind: str
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(B,) rows within every limit that compares with the seed."""
    if not limits.by_distance:
        return np.ones(len(rows), np.bool_)
    within = distance(rows.modality.name, limits).check(rows, roots, limits, kind=kind)
    return np.asarray(within.cpu().numpy(), np.bool_)


def _silenced(rows: TensorRows) -> TensorRows:
    if rows.lengths is None:
        return rows
    inside = torch.arange(rows.data.shape[-1], device=rows.data.device) < rows.lengths[:, None]
    return replace(rows, data=rows.data * inside[:, None])
