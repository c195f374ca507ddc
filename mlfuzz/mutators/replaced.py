"""Rows replaced, wholly or in part, by stored ones: what searches record, for whatever modality has values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import TensorRows, from_payloads
from mlfuzz.errors import BadInputError, ReplayError
from mlfuzz.modality.base import Modality, Payload
from mlfuzz.mutators.base import mutator
from mlfuzz.mutators.param import Blob, Real
from mlfuzz.storage.contents import CONTENTS

SHARE = Real(0.0, 1.0, neutral=0.0, unit="of the way to what a search found")

DECODED = 16
"""Contents kept decoded: a shrinker asks for the same one hundreds of times, and of few at once."""


def replacing(modality: str) -> None:
    """Register `<modality>.replace`, which records what searches find, for a modality of values."""

    @mutator(
        f"{modality}.replace", blob=Blob(), share=SHARE, kind="replace", effect="bounded", cost=4, default=False,
        searched=True,
    )  # fmt: skip
    def replace(rows: TensorRows, *, blob: list[str], share: Tensor) -> TensorRows:
        """Go `share` of the way to a stored input of the same shape."""
        return replaced(rows, blob, share)


def replaced(rows: TensorRows, blob: Sequence[str], share: Tensor) -> TensorRows:
    """Each row (C, ...) moved by `share` (B,) of the way to the content of its digest; at 0 the row, at 1 the content.

    Where lengths differ the content's counts as soon as the share is above 0; the shorter one is silent at its end.
    Raises ReplayError for content that is not there, is no input of this modality or has another shape.
    """
    contents = _contents(rows, blob)
    data = rows.data
    width = max(data.shape[-1], contents.data.shape[-1])
    if rows.lengths is None and data.shape != contents.data.shape:
        raise ReplayError(
            f"a replace mutation holds inputs of shape {tuple(contents.data.shape[1:])}, not {tuple(data.shape[1:])}"
        )
    data, target = _widened(data, width), _widened(contents.data, width)
    part = share.to(torch.float32).reshape(-1, *[1] * (data.dim() - 1))
    # Exact at both ends, and step by step, so that a row has the same bits in any batch (torch.lerp need not).
    change = target - data
    mixed = torch.where(part < 0.5, data + change * part, target - change * (1 - part))
    if rows.lengths is None or contents.lengths is None:
        return rows.with_data(mixed)
    lengths = torch.where(share > 0, contents.lengths, rows.lengths)
    inside = torch.arange(width, device=data.device) < lengths[:, None]
    longest = int(lengths.max()) if len(rows) else width
    return rows.with_data((mixed * inside[:, None])[..., :longest], lengths)


def _contents(rows: TensorRows, blob: Sequence[str]) -> TensorRows:
    try:
        payloads = [_decoded(digest, rows.modality) for digest in blob]  # type: ignore[arg-type]  # all are frozen
        made = from_payloads(payloads, rows.modality, rows.data.device)
    except BadInputError as error:
        raise ReplayError(f"the content of a replace mutation is no input of this target: {error}") from error
    except ValueError as error:
        raise ReplayError("replace mutations of one batch hold inputs of several shapes") from error
    assert isinstance(made, TensorRows)
    return made


@lru_cache(maxsize=DECODED)
def _decoded(digest: str, modality: Modality) -> Payload:
    payload = modality.decode(CONTENTS.get(digest), suffix=modality.suffix)
    return np.array(payload) if isinstance(payload, np.ndarray) else payload


def _widened(data: Tensor, width: int) -> Tensor:
    return data if data.shape[-1] == width else torch.nn.functional.pad(data, (0, width - data.shape[-1]))
