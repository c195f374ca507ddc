"""The sound that a search found, in place of its parent."""

from __future__ import annotations

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.param import Blob
from mlfuzz.mutators.replaced import SHARE, replaced


@mutator(
    "audio.replace", blob=Blob(), share=SHARE, kind="replace", effect="bounded", cost=4, default=False, searched=True
)
def replace(rows: TensorRows, *, blob: list[str], share: Column) -> TensorRows:
    """Go `share` of the way to a stored sound."""
    return replaced(rows, blob, share)
