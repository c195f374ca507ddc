"""What the oracles and the criterion say of a batch that has run: on the device, and in one packed copy on the host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Batch, Indices
from mlfuzz.campaign.setup.assemble import Components
from mlfuzz.campaign.setup.seeds import Seeds
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import Oracle, Verdict
from mlfuzz.targets.execute import Execution

NEAR_ONE = 1e-3
"""Scores that are not negative and add up to one within this are probabilities already."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Of n rows that ran. rows: (n,) their positions in the batch. uncertain: (n,) Gini impurity of the scores.

    margins, keys: (n, oracles), NaN where unjudged. failing, dropped: (n,) whether an oracle fails, and whether the row
    went beyond a limit, so that none judges it. features: (n, D) of the criterion.
    """

    rows: Indices
    margins: NDArray[np.float32]
    keys: NDArray[np.int64]
    uncertain: NDArray[np.float32]
    features: NDArray[np.float32]
    failing: NDArray[np.bool_]
    dropped: NDArray[np.bool_]

    @property
    def barred(self) -> NDArray[np.bool_]:
        """(n,) rows that can be no entries, whatever is new about them."""
        return self.failing | self.dropped


def evaluate(
    parts: Components, seeds: Seeds, batch: Batch, execution: Execution, dropped: NDArray[np.bool_]
) -> Evaluation | None:
    """None where no row ran. dropped: (B,) rows of the batch beyond a limit."""
    seen, ran = execution.seen, execution.ran
    if seen is None:
        return None
    if len(ran) != len(batch):
        batch = batch.take(ran)
    reference = seeds.of(batch.seeds)
    on_device = [oracle.check(seen, reference, batch) for oracle in parts.oracles if oracle.where == "device"]
    columns = [verdict.margin[:, None].float() for verdict in on_device]
    columns += [verdict.keys[:, None].long().view(torch.float32) for verdict in on_device]
    uncertain = gini(seen, len(parts.target.labels))
    packed, features = _copied_once(torch.cat([*columns, uncertain], 1), parts.criterion.embed(seen))
    margins, keys = _unpacked(parts.oracles, packed, _on_host(parts.oracles, seen, reference, batch))
    count = 3 * len(on_device)
    left_out = dropped[ran]
    margins[left_out] = np.nan
    failing = np.asarray((margins > 0).any(axis=1))
    return Evaluation(ran, margins, keys, packed[:, count], features, failing, left_out)


def _copied_once(columns: Tensor, features: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both on the host, in one copy where they are not there already."""
    if features.device.type == "cpu":
        return columns.numpy(), np.ascontiguousarray(features.float().numpy())
    width = columns.shape[1]
    packed = torch.cat([columns, features], 1).cpu().numpy()
    return packed[:, :width], np.ascontiguousarray(packed[:, width:])


def gini(seen: Observation, classes: int) -> Tensor:
    """(B, 1) float32 in [0, 1): one less the sum of squared probabilities; 0 where the output is not so many scores.

    How undecided a classifier is makes a new entry worth going on from.
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


def _on_host(oracles: Sequence[Oracle], seen: Observation, reference: Observation, batch: Batch) -> list[Verdict]:
    """Of the oracles that need Python a row, on outputs that are copied once."""
    needed = [oracle for oracle in oracles if oracle.where == "host"]
    if not needed:
        return []
    seen, reference = _copied(seen), _copied(reference)
    return [oracle.check(seen, reference, batch) for oracle in needed]


def _copied(seen: Observation) -> Observation:
    outputs = {name: output.cpu() if isinstance(output, Tensor) else output for name, output in seen.outputs.items()}
    return Observation(outputs, seen.activations[:, :0].cpu(), seen.seconds, seen.peak_bytes)


def _unpacked(
    oracles: Sequence[Oracle], packed: NDArray[np.float32], on_host: Sequence[Verdict]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Margins and keys of all oracles, in their order."""
    device = [at for at, oracle in enumerate(oracles) if oracle.where == "device"]
    host = [at for at, oracle in enumerate(oracles) if oracle.where == "host"]
    count = len(device)
    # Column by column in memory: any, all and max of each row's few oracles are 20-70 times faster so.
    margins = np.full((len(packed), len(oracles)), np.nan, np.float32, order="F")
    keys = np.zeros(margins.shape, np.int64, order="F")
    margins[:, device] = packed[:, :count]
    keys[:, device] = np.ascontiguousarray(packed[:, count : 3 * count]).view(np.int64)
    for at, verdict in zip(host, on_host, strict=True):
        margins[:, at] = verdict.margin.numpy()
        keys[:, at] = verdict.keys.numpy()
    return margins, keys
