"""What the variants of a target are worth, before any fuzzing: a line each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from mlfuzz.batch import from_payloads
from mlfuzz.errors import MlfuzzError
from mlfuzz.modality.base import Payload
from mlfuzz.targets.calibrate import noises
from mlfuzz.targets.check import ROWS, CheckLine
from mlfuzz.targets.given import GivenTarget
from mlfuzz.targets.variants.base import nameable, varied


def check_variants(target: GivenTarget, payloads: Sequence[Payload], names: Sequence[str] = ()) -> Iterator[CheckLine]:
    """Of each variant: whether it can be had, how far it is from the target on the seeds, and its own noise.

    names: which; none: those the target brings along, and all that can be named. payloads: usable seeds of one shape.
    """
    rows = from_payloads(payloads[:ROWS], target.modality, target.device)
    for name in names or [*target.variants, *nameable()]:
        try:
            both = varied(target, [name])
            both.run(rows)  # whatever it builds is built now
            started = time.perf_counter()
            seen = both.run(rows)
            spent = time.perf_counter() - started
            single, _, apart = noises(both, rows, seen)[name]
        except MlfuzzError as error:
            problem = str(error)
            yield CheckLine("warn", problem if problem.startswith(f"variant {name}") else f"variant {name}: {problem}")
            continue
        differing = _other_answers(seen.outputs.get(f"{name}.base", seen.outputs["main"]), seen.outputs[f"{name}.main"])
        summary = f"variant {name}: apart by up to {apart:.2g} on the seeds, {differing} of {len(rows)} answers differ"
        yield CheckLine(
            "ok" if not differing else "warn", f"{summary}; own noise {single:.1g}; {_speed(len(rows), spent)}"
        )


def _other_answers(one: object, other: object) -> int:
    """Rows whose best class, text or sign differs; for other numbers none are counted."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        if one.dim() != 2 or one.shape[1] < 2 or one.shape != other.shape:
            return 0
        return int((one.argmax(1) != other.argmax(1)).sum())
    if isinstance(one, tuple) and isinstance(other, tuple):
        return sum(left != right for left, right in zip(one, other, strict=True))
    return 0


def _speed(rows: int, seconds: float) -> str:
    threads = torch.get_num_threads()
    return f"both together {rows / max(seconds, 1e-9):,.0f} inputs/s on {threads} thread{'' if threads == 1 else 's'}"
