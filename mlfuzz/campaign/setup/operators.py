"""Which operators act, how often, and within which limits: a campaign's plan of mutation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from mlfuzz.batch import Rows
from mlfuzz.campaign.presets import PRESETS, Ranges
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.errors import ConfigError, UnknownNameError, suggestion
from mlfuzz.mutators.base import Mutator, select
from mlfuzz.mutators.limits.limits import DistanceLedger, Limits
from mlfuzz.mutators.ranges import narrowed
from mlfuzz.mutators.schedule.applicable import applicable
from mlfuzz.mutators.schedule.bandit import OperatorBandit
from mlfuzz.mutators.schedule.plan import Plan
from mlfuzz.mutators.schedule.published import published
from mlfuzz.mutators.schedule.weights import (
    ELEMENT_NS,
    PER_ROW_COST,
    SLICE_SECONDS,
    slices_for,
    slices_for_turns,
    weights,
)
from mlfuzz.targets.calibrate import SECONDS_A_BATCH
from mlfuzz.targets.variants.base import AnyTarget

MOVING = frozenset({"geometry"})
"""Kinds of operators that move an input about."""

DEALS = ("bandit", "cost", "lineage", "lucky")
"""Ways of dealing operators to rows: learnt, by cost alone, DeepHunter's and DeepTest's."""


def plan_for(target: AnyTarget, spec: WorkerSpec, rows: Rows, seconds: float, batch: int) -> Plan:
    """Which mutators act how often, given what one input costs the target, and how many inputs make a batch.

    rows: seeds. Mutators that find nothing to do in any of them are left out, and dealt less where they do in few.
    Where the batch is given, not measured, the cost follows from it: a campaign then repeats exactly on any machine.
    Raises ConfigError where no operator is left, UnknownNameError for a way of dealing.
    """
    seconds = SECONDS_A_BATCH / spec.batch if spec.batch else seconds
    modality = target.modality.name
    mutators = operators_of(target, spec)
    elements = int(np.prod(rows.data.shape[1:])) if hasattr(rows, "data") else 256
    ledger = DistanceLedger(limits_of(spec, modality, mutators), mutators)
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
        dear = np.asarray([part.cost >= PER_ROW_COST for part in dealt])
        dealer = OperatorBandit([part.name for part in dealt], shares, costs, step=step, dear=dear)
    return Plan(dealt, shares, ledger, depth=spec.depth, slices=slices, dealer=dealer)


def operators_of(target: AnyTarget, spec: WorkerSpec) -> list[Mutator]:
    """The operators of a campaign, with the ranges that their parameters are drawn from.

    Raises ConfigError where none is left, or a range is none.
    """
    channels = getattr(target.modality, "channels", 1)
    ranges = PRESETS.get(spec.preset).operators.get(target.modality.name, {})
    among = kept_truth(target, spec, chosen(target.modality.name, spec, ranges))
    named = [ranged(part, ranges.get(part.name, {})) for part in among]
    mutators = [part for part in named if part.min_channels <= channels]
    if not mutators:
        raise ConfigError(f"{', '.join(part.name for part in named)}: not for inputs of {channels} channel(s)")
    return narrowed(mutators, spec.ranges)


def limits_of(spec: WorkerSpec, modality: str, parts: Sequence[Mutator]) -> Limits:
    """Of a campaign with these operators. What `sums` and `uses` do not name stays as it is; {} lifts all of them.

    Raises ConfigError for a limit that there is not, or that nothing counts towards.
    """
    preset = PRESETS.get(spec.preset)
    table = {**preset.bound.get(modality, {}), **spec.limits}
    there = {
        "sums": {param.sums for part in parts for param in part.space.values() if param.sums},
        "uses": {part.kind for part in parts},
    }
    before = {"sums": preset.limits.get("sums", Limits().sums), "uses": preset.limits.get("uses", {})}
    for name, known in there.items():
        own = table.get(name)
        if not isinstance(own, Mapping) or not own:
            continue
        for key in set(own) - set(before[name]) - known:
            raise ConfigError(
                f"limits: nothing counts towards {name}.{key}{suggestion(key, known)}; mlfuzz list limits has what"
                " there is, and a single operator is narrowed by [targets.NAME.mutators.ranges]"
            )
        table[name] = {**before[name], **own}
    return Limits.of(table)


def chosen(modality: str, spec: WorkerSpec, ranges: Ranges) -> list[Mutator]:
    """The operators asked for; where none were, those of the preset."""
    return select(modality, spec.mutators or tuple(ranges), spec.exclude)


def kept_truth(target: Any, spec: WorkerSpec, parts: list[Mutator]) -> list[Mutator]:
    """Without the operators that turn what is right into something else, which nobody knows (`Task.geometry`).

    Those that are named stay. Those that a relation speaks of stay as operators with an effect of their own: the
    relation alone judges what they make.
    """
    dropped = set(left_out(target, spec, parts))
    spoken = _spoken_of(target, spec)
    lost = _lost(target)
    return [
        replace(part, effect="equivariant") if lost and part.kind in MOVING and spoken(part.name) else part
        for part in parts
        if part.name not in dropped
    ]


def left_out(target: Any, spec: WorkerSpec, parts: Sequence[Mutator] | None = None) -> list[str]:
    """Names of the default operators that are not drawn, because the target's task loses its truth by them."""
    if not _lost(target) or spec.mutators or PRESETS.get(spec.preset).operators.get(target.modality.name):
        return []
    spoken = _spoken_of(target, spec)
    among = chosen(target.modality.name, spec, {}) if parts is None else parts
    names = [part.name for part in among if part.kind in MOVING and not spoken(part.name)]
    return names if len(names) < len(among) else []


def left_out_words(target: Any, spec: WorkerSpec) -> str:
    """What is said of them, with the lines that change it; "" where there are none."""
    names = left_out(target, spec)
    if not names:
        return ""
    return (
        f"{', '.join(names)} are left out: they may change what is right for task {target.task.name}; to use them all"
        f" the same write --mutators default, or say what one does to the answer by a relation:"
        f' {{name = "relation", mutators = ["{names[0]}"], bounded = ...}}'
    )


def _lost(target: Any) -> bool:
    return getattr(getattr(target, "task", None), "geometry", "kept") == "lost"


def _spoken_of(target: Any, spec: WorkerSpec) -> Callable[[str], bool]:
    """Whether a relation among the oracles speaks of an operator."""
    asked = spec.oracles or target.oracles
    relations = [one for one in asked if "relation" in (one.get("part"), one.get("name"))]
    patterns = [str(pattern) for one in relations for pattern in one.get("mutators", ())]
    return lambda name: any(fnmatchcase(name, pattern) for pattern in patterns)


def ranged(part: Mutator, ranges: Mapping[str, tuple[float, float]]) -> Mutator:
    """The operator with parameters drawn from other ranges; what it does, and its name, stay."""
    space = {
        name: replace(param, low=ranges[name][0], high=ranges[name][1])  # type: ignore[type-var]
        if name in ranges
        else param
        for name, param in part.space.items()
    }
    return replace(part, space=space) if ranges else part
