"""TensorFuzz's own objective for two forms of a model: they name different classes, ties and all."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from mlfuzz.batch import Batch
from mlfuzz.campaign.search.boundary import disagreement
from mlfuzz.errors import PluginError
from mlfuzz.observation import Observation, Output
from mlfuzz.oracles.base import ORACLES, Verdict
from mlfuzz.oracles.differential import Differ

NAME = "top1"


class Top1(Differ):
    """Fails where target and variant give their highest score to different classes.

    margin: the target's own lead of its class over the variant's, which is how wrong the variant is; else minus the
    smaller lead over a runner-up. The shipped `differ` also wants the variant to be sure of its class: scores in 16
    bits are coarse, and next to the boundary the variant's two best are often equal, which is no failure there.
    Source: the objective of the released examples/quantize of TensorFuzz (Odena et al., ICML 2019).
    """

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        one, other = _both(self._pair(seen.outputs))
        return Verdict(disagreement(one, other), one.argmax(1) * one.shape[1] + other.argmax(1))

    def gap(self, outputs: Mapping[str, Output]) -> Tensor:
        return disagreement(*_both(self._pair(outputs)))

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "part": NAME}


def _both(pair: tuple[Output, Output]) -> tuple[Tensor, Tensor]:
    one, other = pair
    assert isinstance(one, Tensor)
    assert isinstance(other, Tensor)
    return one.to(torch.float32), other.to(torch.float32)


with suppress(PluginError):
    ORACLES.add(NAME, Top1)
