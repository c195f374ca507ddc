"""What the oracles and the criterion say of a batch that has run: on the device, and in one packed copy on the host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import Batch
from mlfuzz.campaign.parts import Parts
from mlfuzz.campaign.seedbed import Seedbed
from mlfuzz.campaign.uncertainty import gini
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import Oracle, Verdict
from mlfuzz.targets.execute import Execution


@dataclass(frozen=True, slots=True)
class Judged:
    """Of n rows that ran. margins, keys: (n, oracles), NaN where unjudged. uncertain: (n,) Gini impurity of the scores.
    features: (n, D) of the criterion."""

    margins: NDArray[np.float32]
    keys: NDArray[np.int64]
    uncertain: NDArray[np.float32]
    features: NDArray[np.float32]


def judge(
    parts: Parts, seedbed: Seedbed, batch: Batch, execution: Execution
) -> tuple[Tensor | None, tuple[Verdict, ...]]:
    """(n, columns) packed on the host for `unpack`, and what oracles say that judge there; None where no row ran."""
    seen = execution.seen
    if seen is None:
        return None, ()
    if len(execution.ran) != len(batch):
        batch = batch.take(execution.ran)
    reference = seedbed.of(batch.seeds)
    on_device = [oracle.check(seen, reference, batch) for oracle in parts.oracles if oracle.where == "device"]
    columns = [verdict.margin[:, None].float() for verdict in on_device]
    columns += [verdict.keys[:, None].long().view(torch.float32) for verdict in on_device]
    uncertain = gini(seen, len(parts.target.labels))
    packed = torch.cat([*columns, uncertain, parts.criterion.embed(seen)], 1).cpu()
    host_side = [oracle for oracle in parts.oracles if oracle.where == "host"]
    if not host_side:
        return packed, ()
    seen, reference = _on_host(seen), _on_host(reference)
    return packed, tuple(oracle.check(seen, reference, batch) for oracle in host_side)


def unpack(oracles: Sequence[Oracle], table: Tensor, verdicts: Sequence[Verdict]) -> Judged:
    """table, verdicts: what `judge` gave."""
    packed = table.numpy()
    device = [at for at, oracle in enumerate(oracles) if oracle.where == "device"]
    host = [at for at, oracle in enumerate(oracles) if oracle.where == "host"]
    count = len(device)
    # Column by column in memory: any, all and max of each row's few oracles are 20-70 times faster so.
    margins = np.full((len(packed), len(oracles)), np.nan, np.float32, order="F")
    keys = np.zeros(margins.shape, np.int64, order="F")
    margins[:, device] = packed[:, :count]
    keys[:, device] = np.ascontiguousarray(packed[:, count : 3 * count]).view(np.int64)
    for at, verdict in zip(host, verdicts, strict=True):
        margins[:, at] = verdict.margin.numpy()
        keys[:, at] = verdict.keys.numpy()
    return Judged(margins, keys, packed[:, 3 * count], np.ascontiguousarray(packed[:, 3 * count + 1 :]))


def _on_host(seen: Observation) -> Observation:
    """The outputs on the host, for oracles that need Python a row."""
    outputs = {name: output.cpu() if isinstance(output, Tensor) else output for name, output in seen.outputs.items()}
    return Observation(outputs, seen.activations[:, :0].cpu(), seen.seconds, seen.peak_bytes)
