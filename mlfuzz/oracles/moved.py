"""What is known of the places of a batch's rows: how each got from its seed to where it is."""

from __future__ import annotations

from dataclasses import replace

import torch

from mlfuzz.batch import Batch
from mlfuzz.placemap import Course, Size, course


def way_of(batch: Batch, size: Size, device: torch.device) -> Course:
    """The course of each row; of a row whose chain is not known, that nothing moved.

    Known is what is true of a row where its operators keep the label, and where those that do not have a map instead.
    """
    invariant = torch.from_numpy(batch.invariant).to(device)
    if batch.chains is None:
        return Course(size, (), invariant, ())
    way = course([batch.chains(row) for row in range(len(batch))], size, device)
    return replace(way, known=way.known | invariant)
