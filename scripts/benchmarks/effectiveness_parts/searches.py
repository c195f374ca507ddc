"""The searches of `mlfuzz.campaign.search` on the disagreement tasks, measured as the presets are."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from effectiveness_parts.witness import Failure
from mlfuzz.batch import Indices, TensorRows
from mlfuzz.campaign.search.black_box import nearest
from mlfuzz.campaign.search.boundary import Problem, Seen, beyond
from mlfuzz.campaign.search.differential import disagree
from mlfuzz.campaign.search.gradient import slope_of
from mlfuzz.campaign.search.projection import bounded, spanned
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.mutators.limits.limits import Limits
from mlfuzz.observation import Observation


@dataclass(frozen=True, slots=True)
class Searched:
    """spent: (roots,) evaluations until the first hit, or in all. failures: what was found. seconds: of this."""

    spent: NDArray[np.int64]
    hit: NDArray[np.bool_]
    failures: list[Failure]
    cpu_s: float
    wall_s: float


def search(campaign: Campaign, *, gradients: bool, most: int, seed: int) -> Searched:
    """From every root towards a disagreement with the variant. most: evaluations a root; a gradient counts as two."""
    target: Any = campaign.target
    oracle: Any = campaign.loop.parts.oracles[0]
    floor = campaign.loop.parts.floors[0]
    count = len(campaign.loop.seeds)
    rows = campaign.pool.gather(np.arange(count))
    assert isinstance(rows, TensorRows)
    limits = spanned(Limits.of(campaign.spec.limits))
    own = campaign.loop.seeds.reference.main.argmax(1)

    def gap(tried: TensorRows, which: Indices) -> Seen:
        seen = target.run(tried)
        across = beyond(seen.main, own[torch.from_numpy(which)])
        return Seen(across, oracle.gap(seen.outputs) - floor)

    def score(seen: Observation, which: Indices) -> torch.Tensor:
        return beyond(seen.main, own[torch.from_numpy(which)])

    clock, wall = time.process_time(), time.monotonic()
    problem = Problem(
        gap, bounded(rows, limits), float(limits.linf or 1.0),
        slope=slope_of(target.target, score) if gradients else None, others=rows,
        near=nearest(rows, own.numpy(), rows, own.numpy()),
    )  # fmt: skip
    walked = disagree(problem, rows, rng=np.random.default_rng(seed), most=most)
    spent = time.process_time() - clock, time.monotonic() - wall
    failures = [
        Failure(int(walked.spent[root]), int(walked.spent[root]), root, 0, 0, float(walked.hits[root]) + floor,
                walked.found.payload(root), ("image.replace",))
        for root in np.flatnonzero(walked.hit).tolist()
    ]  # fmt: skip
    return Searched(walked.spent, walked.hit, failures, *spent)
