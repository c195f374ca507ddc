"""What a target is worth, measured: the batch that serves it best, and how far a row's answer depends on its batch."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import Rows
from mlfuzz.errors import TargetError
from mlfuzz.observation import Observation, Output, Ragged
from mlfuzz.targets.base import Target
from mlfuzz.targets.execute import execute
from mlfuzz.targets.fixed_batch import kept, multiples

SECONDS_A_BATCH = 0.050
"""A batch costs 2 to 4 ms beside its forward pass whatever it holds (mutators' calls, judging, bookkeeping): on LeNet
the loop reached 0.76 of the bare pass at 20 ms a batch, 0.80 at 45 ms (scripts/bench loop --batch)."""

STAGE_SECONDS = 5.0
"""What is measured of a target, a stage at a time, takes about so long at most: of a slow one fewer inputs are run."""

SLOW_BATCH_SECONDS = 1.0
"""A batch of a target of which 8 take longer: what is asked of it between two batches is still answered soon."""

WAITING_FACTOR = 10.0
"""A call whose wall time is so many times its own is taken to wait (for a server, a device), not for a busy machine."""

UNSTABLE_SHARE = 0.01
"""Of the spread of its outputs: a target whose answers to the same batch are further apart is not deterministic."""

BATCHES = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


@dataclass(frozen=True, slots=True)
class Speed:
    """batch: the chosen size. seconds: of one input at that size. table: inputs a second by batch size."""

    batch: int
    seconds: float
    table: dict[int, float]


def affordable(wanted: int, seconds: float, *, passes: int = 1, least: int = 1, most: float = STAGE_SECONDS) -> int:
    """How many inputs a stage runs that wants so many: fewer, where one takes so many seconds each pass.

    most: seconds that there are for it, where these are fewer than a stage may take.
    """
    return max(least, min(wanted, int(min(STAGE_SECONDS, most) / max(passes * seconds, 1e-9))))


def speed(target: Target, rows: Rows, *, each: float = 0.0) -> Speed:
    """Try batch sizes upwards until one takes about 50 ms; the largest that takes no longer, in [8, 4096].

    Sizes that run out of memory end the search. rows: any usable inputs; they are repeated. each: seconds of one alone,
    as far as known: of a target so slow that 8 take more than a second as many are tried as take about that, from 1 on.
    A target that keeps to one size is tried with whole batches of it alone.
    """
    table: dict[int, float] = {}
    few = int(SLOW_BATCH_SECONDS / max(each, 1e-9))
    for batch in multiples(BATCHES if few >= BATCHES[0] else (max(1, few),), kept(target)):
        filled = rows.take(np.arange(batch) % len(rows))
        try:
            started = time.perf_counter()
            target.run(filled)
            slow = time.perf_counter() - started > SLOW_BATCH_SECONDS / 2
            seconds = min(_timed(target, filled) for _ in range(1 if slow else 3))
        except (torch.OutOfMemoryError, MemoryError):
            break
        table[batch] = batch / max(seconds, 1e-9)
        if seconds >= SECONDS_A_BATCH:
            break
    rate = max(table.values())
    fit = [batch for batch in table if batch / table[batch] <= SECONDS_A_BATCH * 1.25]
    chosen = max(fit) if fit else min(table)
    return Speed(chosen, 1.0 / rate, table)


def single_noise(target: Target, rows: Rows, seen: Observation) -> tuple[float, float]:
    """(largest difference of the main output alone against in its batch, standard deviation of the main output).

    (0, 1) where the main output is no tensor. Raises TargetError where a seed that ran in a batch raises alone.
    """
    single, spread, _ = noises(target, rows, seen)["main"]
    return single, spread


def noises(target: Target, rows: Rows, seen: Observation) -> dict[str, tuple[float, float, float]]:
    """Of "main" and of each variant, by name: (alone against in its batch, standard deviation, apart from the target).

    The largest differences over the rows. (0, 1, 0) of an output that is no tensor.
    Raises TargetError where a seed that ran in a batch raises alone.
    """
    names = ["main", *(name.removesuffix(".main") for name in seen.outputs if name.endswith(".main"))]
    outputs = {name: seen.outputs["main" if name == "main" else f"{name}.main"] for name in names}
    worst = dict.fromkeys(names, 0.0)
    for row in range(len(rows)):
        execution = execute(target, rows.part(row, row + 1))
        if execution.seen is None:
            reason = "; ".join(f"{crash.type}: {crash.message}" for _, crash in execution.crashes) or "refused"
            raise TargetError(
                f"target {target.name}: answers batches, not one input alone ({reason}); run: mlfuzz check"
            )
        for name, output in outputs.items():
            alone = execution.seen.outputs["main" if name == "main" else f"{name}.main"]
            if isinstance(alone, Tensor) and isinstance(output, Tensor):
                worst[name] = max(worst[name], _largest(alone, output[row : row + 1]))
    return {
        name: (worst[name], _spread(output), _largest(output, seen.outputs.get(f"{name}.base", seen.outputs["main"])))
        for name, output in outputs.items()
    }


def _largest(one: Output, other: Output) -> float:
    """The largest finite difference of two outputs of one shape; 0 where there is none."""
    one, other = (output.values if isinstance(output, Ragged) else output for output in (one, other))
    if not isinstance(one, Tensor) or not isinstance(other, Tensor) or one.shape != other.shape or not one.numel():
        return 0.0
    return float(torch.nan_to_num((one - other).abs(), nan=0.0, posinf=0.0).max())


def _spread(output: Output) -> float:
    if not isinstance(output, Tensor):
        return 1.0
    finite = output[torch.isfinite(output)]
    return float(finite.std(unbiased=False)) if finite.numel() > 1 else 1.0


def largest_difference(one: Observation, other: Observation) -> float:
    """Between the main outputs of the same rows; inf where texts differ or shapes do not fit."""
    left, right = one.outputs["main"], other.outputs["main"]
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        if left.shape != right.shape:
            return float("inf")
        same = (left == right) | (torch.isnan(left) & torch.isnan(right))
        difference = torch.where(same, torch.zeros_like(left), (left - right).abs())
        return float(torch.nan_to_num(difference, nan=float("inf")).max()) if difference.numel() else 0.0
    return 0.0 if left == right else float("inf")


def _timed(target: Target, rows: Rows) -> float:
    began, started = time.perf_counter(), time.process_time()
    target.run(rows)
    if target.device.type == "cuda":
        torch.cuda.synchronize(target.device)
    own, wall = time.process_time() - started, time.perf_counter() - began
    # On the processor its own time counts: what other programs take must not make the batch smaller.
    alone = target.device.type == "cpu" and torch.get_num_threads() == 1 and wall < WAITING_FACTOR * own
    return own if alone else wall
