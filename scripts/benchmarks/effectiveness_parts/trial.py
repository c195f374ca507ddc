"""One run: a preset on one repeat of a task, watched, then judged by others."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tasks.judge import agreed
from tasks.task import Setup, Task

from effectiveness_parts.clusters import distinct_faults
from effectiveness_parts.presets import SEARCHES, guidance, is_black, options_of
from effectiveness_parts.searches import search
from effectiveness_parts.witness import Failure, Witness
from mlfuzz.batch import Batch, from_payloads
from mlfuzz.budget import Budget
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.stop_reason import StopReason

COMPLETE = (StopReason.TIME, StopReason.INPUTS, StopReason.FINDINGS, StopReason.EXHAUSTED)
"""Ends of a run that has had all of its budget, or found what it was to find."""

MOST_CONFIRMED = 500
"""Failing inputs of one run that are run again alone, spread evenly over it."""


def run(
    task: Task, setup: Setup, preset: str, repeat: int, *, evaluations: int, seconds: float | None = None
) -> dict[str, Any]:
    """A record of one run, as JSON values. seconds: in place of `evaluations`, for the comparison by the clock.

    Failing is what the loop's own oracles say, by more than their measured floor; then each input is run once more
    alone, in this process, and `confirmed` is the share that fails again.
    """
    options = options_of(preset, task, {**setup.options, "seed": repeat})
    target = setup.target()
    if is_black(preset):
        target.trace = None  # type: ignore[assignment, method-assign, union-attr, unused-ignore]
    torch.manual_seed(repeat)
    with (
        tempfile.TemporaryDirectory(prefix="mlfuzz-trial-") as folder,
        Campaign.open(Path(folder) / "c", target, seeds=setup.seeds, **options) as campaign,
    ):
        row = {"bench": "effectiveness", "task": task.name, "preset": preset, "repeat": repeat}
        if preset in SEARCHES:
            return {**row, "guidance": "", **_searched(campaign, setup, preset, repeat, evaluations)}
        ended_by = {"findings": 1} if task.first else {}
        budget = Budget(seconds=seconds, **ended_by) if seconds else Budget(inputs=evaluations, **ended_by)
        witness = Witness(campaign, most=math.inf if seconds else evaluations)
        clock, wall = time.process_time(), time.monotonic()
        stop = campaign.run(budget, triage_here=False).stop
        if stop.reason not in COMPLETE:
            raise RuntimeError(f"the run was cut short ({stop})")
        spent = {"cpu_s": time.process_time() - clock, "wall_s": time.monotonic() - wall}
        return {
            **row, "guidance": guidance(campaign.spec), "evaluations": witness.ran, **spent, **_found(witness, setup),
            **_confirmed(campaign, witness.failures), **_judged(campaign, witness.failures, setup),
        }  # fmt: skip


def _searched(campaign: Campaign, setup: Setup, preset: str, repeat: int, evaluations: int) -> dict[str, Any]:
    roots = len(campaign.loop.seeds)
    done = search(campaign, gradients=SEARCHES[preset], most=min(setup.per_root, evaluations // roots), seed=repeat)
    failures, margins = done.failures, [failure.margin for failure in done.failures]
    return {
        "evaluations": int(done.spent.sum()), "cpu_s": done.cpu_s, "wall_s": done.wall_s,
        "first": min((failure.at for failure in failures), default=None), "failures": len(failures), "roots": roots,
        "roots_broken": len(failures), "root_median": float(np.median(done.spent[done.hit])) if failures else None,
        "margin_median": float(np.median(margins)) if margins else None, "margin_largest": max(margins, default=None),
        **_confirmed(campaign, failures), **_judged(campaign, failures, setup),
    }  # fmt: skip


def _found(witness: Witness, setup: Setup) -> dict[str, Any]:
    """Counts that need nobody's judgement."""
    within = witness.first <= (setup.per_root or math.inf)
    broken = witness.first[within & np.isfinite(witness.first)]
    margins = [failure.margin for failure in witness.failures]
    return {
        "first": witness.first_at or None, "failures": witness.count, "roots": len(witness.first),
        "roots_broken": len(broken), "root_median": float(np.median(broken)) if len(broken) else None,
        "margin_median": float(np.median(margins)) if margins else None,
        "margin_largest": max(margins, default=None), "entries": len(witness.campaign.corpus),
        "operators": sorted({failure.operators[-1] for failure in witness.failures if failure.operators}),
    }  # fmt: skip


def _judged(campaign: Campaign, failures: Sequence[Failure], setup: Setup) -> dict[str, Any]:
    """What is left when models that were not fuzzed have looked at it; nothing where there is no judge."""
    pairs = {"pairs": len({(failure.root, failure.oracle, failure.key) for failure in failures})}
    if setup.judge is None and setup.unjudged:
        nobody = {"judge": None, "faults": None, "kept": None, "faults_kept": None, "roots_kept": None}
        return {**nobody, **pairs, **_likeness(campaign, failures, setup)}
    if setup.judge is None:
        found = int(bool(failures))
        return {"faults": found, "kept": None, "faults_kept": found, "roots_kept": None, **pairs}
    names = campaign.loop.seeds.label_names
    labels = [str(names[failure.root]) for failure in failures]
    payloads = [failure.payload for failure in failures]
    modality = campaign.target.modality
    kept = setup.judge.kept(payloads, labels, modality)
    features = setup.judge.features(payloads, modality)
    groups = np.asarray([failure.oracle << 32 | failure.key for failure in failures], np.int64)
    passed = agreed(setup.references, payloads, labels, modality) if setup.references else np.zeros(len(kept), np.bool_)
    return {
        "faults": _distinct(features, groups, setup.judge.radius),
        "kept": float(kept.mean()) if len(kept) else None,
        "faults_kept": _distinct(features[kept], groups[kept], setup.judge.radius),
        "roots_kept": len({failure.root for failure, good in zip(failures, kept.tolist(), strict=True) if good}),
        "ways": len(np.unique(groups[kept])),
        "kept_filtered": float(kept[passed].mean()) if passed.any() else None,
        "faults_filtered": _distinct(features[kept & passed], groups[kept & passed], setup.judge.radius),
        "judge": list(setup.judge.names), **pairs,
    }  # fmt: skip


def _likeness(campaign: Campaign, failures: Sequence[Failure], setup: Setup) -> dict[str, Any]:
    """Median likeness of the failing inputs to their seeds, where the task has a measure of it."""
    if setup.likeness is None or not failures:
        return {}
    at = np.unique(np.linspace(0, len(failures) - 1, min(MOST_CONFIRMED, len(failures))).astype(np.int64))
    roots = np.unique([failures[each].root for each in at])
    seeds = {int(root): campaign.pool.gather(np.asarray([root])).payload(0) for root in roots}
    return {"likeness": float(np.median([setup.likeness(failures[n].payload, seeds[failures[n].root]) for n in at]))}


def _distinct(features: NDArray[np.float32], groups: NDArray[np.int64], radius: float) -> int:
    return int(distinct_faults(features, groups, radius).max(initial=-1)) + 1


def _confirmed(campaign: Campaign, failures: Sequence[Failure]) -> dict[str, Any]:
    """The share of failing inputs that fail again, each alone in a batch of one."""
    if not failures:
        return {"confirmed": None}
    at = np.unique(np.linspace(0, len(failures) - 1, min(MOST_CONFIRMED, len(failures))).astype(np.int64))
    return {"confirmed": round(float(np.mean([_again(campaign, failures[each]) for each in at])), 4)}


def _again(campaign: Campaign, failure: Failure) -> bool:
    rows = from_payloads([failure.payload], campaign.target.modality, campaign.target.device)
    root = np.asarray([failure.root], np.int64)
    batch = Batch(rows, root, root, np.zeros((1, 1), np.float32), np.ones(1, np.bool_), chains=lambda _: ())
    oracle = campaign.loop.parts.oracles[failure.oracle]
    verdict = oracle.check(campaign.target.run(rows), campaign.loop.seeds.of(root), batch)
    return float(verdict.margin[0]) > 0
