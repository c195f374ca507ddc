"""Which operators act, how often, and within which limits: a campaign's plan of mutation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mlfuzz.batch import Rows
from mlfuzz.campaign.presets import PRESETS, Ranges
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.errors import ConfigError, UnknownNameError
from mlfuzz.mutators.base import Mutator, select
from mlfuzz.mutators.limits.limits import DistanceLedger, Limits
from mlfuzz.mutators.schedule.applicable import applicable
from mlfuzz.mutators.schedule.bandit import OperatorBandit
from mlfuzz.mutators.schedule.plan import Plan
from mlfuzz.mutators.schedule.published import published
from mlfuzz.mutators.schedule.weights import ELEMENT_NS, SLICE_SECONDS, slices_for, slices_for_turns, weights
from mlfuzz.targets.calibrate import SECONDS_A_BATCH
from mlfuzz.targets.variants.base import AnyTarget

DEALS = ("bandit", "cost", "lineage", "lucky")
"""Ways of dealing operators to rows: learnt, by cost alone, DeepHunter's and DeepTest's."""


def plan_for(target: AnyTarget, spec: WorkerSpec, rows: Rows, seconds: float, batch: int) -> Plan:
    """Which mutators act how often, given what one input costs the target, and how many inputs make a batch.

    rows: seeds. Mutators that find nothing to do in any of them are left out, and dealt less where they do in few.
    Where the batch is given, not measured, the cost follows from it: a campaign then repeats exactly on any machine.
    Raises ConfigError where no operator is left, UnknownNameError for a way of dealing.
    """
    seconds = SECONDS_A_BATCH / spec.batch if spec.batch else seconds
    channels = getattr(target.modality, "channels", 1)
    preset, modality = PRESETS.get(spec.preset), target.modality.name
    ranges = preset.operators.get(modality, {})
    named = [ranged(part, ranges.get(part.name, {})) for part in chosen(modality, spec, ranges)]
    mutators = [part for part in named if part.min_channels <= channels]
    if not mutators:
        raise ConfigError(f"{', '.join(part.name for part in named)}: not for inputs of {channels} channel(s)")
    elements = int(np.prod(rows.data.shape[1:])) if hasattr(rows, "data") else 256
    ledger = DistanceLedger(Limits.of({**preset.bound.get(modality, {}), **spec.limits}), mutators)
    useful = applicable(mutators, rows)
    dealt = [part for part, share in zip(mutators, useful, strict=True) if share > 0]
    shares = weights(dealt, elements=elements, seconds=seconds) * useful[useful > 0]
    if (name := str(spec.deal["name"])) not in DEALS:
        raise UnknownNameError("way of dealing", name, DEALS)
    if (plan := published(name, dealt, ledger)) is not None:
        return plan
    dealer, slices = None, slices_for(batch, seconds)
    if name == "bandit":
        slices = max(slices, slices_for_turns(batch, len(dealt)))
        costs = np.asarray([part.cost for part in dealt]) * ELEMENT_NS * 1e-9 * elements / seconds
        shares = shares / shares.sum()
        step = float(costs @ shares) + slices * SLICE_SECONDS / (batch * seconds)
        dealer = OperatorBandit([part.name for part in dealt], shares, costs, step=step)
    return Plan(dealt, shares, ledger, depth=spec.depth, slices=slices, dealer=dealer)


def chosen(modality: str, spec: WorkerSpec, ranges: Ranges) -> list[Mutator]:
    """The operators asked for; where none were, those of the preset."""
    return select(modality, spec.mutators or tuple(ranges), spec.exclude)


def ranged(part: Mutator, ranges: Mapping[str, tuple[float, float]]) -> Mutator:
    """The operator with parameters drawn from other ranges; what it does, and its name, stay."""
    space = {
        name: replace(param, low=ranges[name][0], high=ranges[name][1])  # type: ignore[type-var]
        if name in ranges
        else param
        for name, param in part.space.items()
    }
    return replace(part, space=space) if ranges else part
