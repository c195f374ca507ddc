"""What keeps a search within the limits of the inputs it began from, and on the grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from mlfuzz.batch import Indices, Rows, TensorRows, TextRows
from mlfuzz.campaign.search.gaps import Bound
from mlfuzz.mutators.distance import distance
from mlfuzz.mutators.limits import Limits

SPAN = 8 / 255
"""How far a value may come from its seed where the limits do not say, of full scale: the radius at which a person sees
the same picture (Madry et al., ICLR 2018); of a sound, a whisper of noise."""

ACROSS_SPAN = 0.2
"""The same where two forms of a target should agree, whatever the input means: TensorFuzz's .4 on [-1, 1]."""

FREE_SPAN = 1.0
"""The same where any input at all should be answered with numbers."""


def spanned(limits: Limits, span: float = SPAN) -> Limits:
    """The limits, with an L-infinity of `span` where they have none: a search goes wherever it may."""
    return limits if limits.linf is not None else replace(limits, linf=span)


def bounded(roots: TensorRows, limits: Limits) -> Bound:
    """(rows, which) -> those rows within `linf` of roots[which] and on the grid; silence stays behind their lengths."""
    measure = distance(roots.modality.name)

    def bound(rows: TensorRows, which: Indices) -> TensorRows:
        own = roots.take(which)
        clipped = measure.clip(_silenced(rows), own, limits)
        assert isinstance(clipped, TensorRows)
        return clipped

    return bound


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
