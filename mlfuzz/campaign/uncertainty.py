"""How undecided a classifier is: what makes a new entry worth going on from."""

from __future__ import annotations

import torch
from torch import Tensor

from mlfuzz.observation import Observation

NEAR_ONE = 1e-3
"""Scores that are not negative and add up to one within this are probabilities already."""


def gini(seen: Observation, classes: int) -> Tensor:
    """(B, 1) float32 in [0, 1): one less the sum of squared probabilities; 0 where the output is not so many scores.

    Source: Feng et al., DeepGini, ISSTA 2020, section 3.2. Of all scores tried it alone went along with the number of
    distinct faults in a set of inputs (Weiss and Tonella, ISSTA 2022, find plain margins as good).
    """
    output = seen.outputs["main"]
    if not isinstance(output, Tensor) or output.dim() != 2 or output.shape[1] != classes or classes < 2:
        return seen.activations.new_zeros((len(seen.activations), 1))
    scores = output.float()
    given = (scores.amin(1) >= 0) & ((scores.sum(1) - 1).abs() < NEAR_ONE)
    probabilities = torch.where(given[:, None], scores, scores.softmax(1))
    return (1 - probabilities.square().sum(1, keepdim=True)).nan_to_num(0.0, 0.0, 0.0).clamp(0.0, 1.0)
