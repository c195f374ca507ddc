"""Seeds of several sizes: which of them a target answers on, and what to declare where it is one alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor

from mlfuzz.batch import from_payloads
from mlfuzz.errors import TargetError
from mlfuzz.modality.base import Modality, Payload
from mlfuzz.observation import Observation
from mlfuzz.targets.execute import crash_of
from mlfuzz.targets.variants.base import AnyTarget

Shape = tuple[int, ...]

MOST_TRIED = 8
"""Sizes of which a seed is run by the check."""
SHOWN = 4
LOST_SHARE = 0.1
"""Of the seeds: where one size alone is answered, so few others are left out and named; more of them are refused."""


@dataclass(frozen=True, slots=True)
class SizeTrial:
    """rows: seeds of this size. answer: shape of what is judged of one, without the rows; None where it raised."""

    shape: Shape
    rows: int
    answer: Shape | None
    raised: str = ""


def sizes_of(payloads: Sequence[Payload], modality: Modality) -> dict[Shape, list[int]]:
    """Positions of the seeds of each size that cannot stand in one batch, the commonest size first."""
    groups: dict[Shape, list[int]] = {}
    for at, payload in enumerate(payloads):
        groups.setdefault(() if isinstance(payload, str) or modality.ragged else np.shape(payload), []).append(at)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def trials(target: AnyTarget, payloads: Sequence[Payload]) -> list[SizeTrial]:
    """One seed of each of the commonest sizes, run alone."""
    found = []
    for shape, rows in list(sizes_of(payloads, target.modality).items())[:MOST_TRIED]:
        try:
            seen = target.run(from_payloads([payloads[rows[0]]], target.modality, target.device))
        except (Exception, SystemExit) as error:  # noqa: BLE001  what the target raises is what is asked about
            crash = crash_of(error)
            found.append(SizeTrial(shape, len(rows), None, f"{crash.type}: {crash.message}"))
        else:
            found.append(SizeTrial(shape, len(rows), answer_shape(seen)))
    return found


def trials_of(
    payloads: Sequence[Payload], answers: Sequence[Observation | None], modality: Modality
) -> list[SizeTrial]:
    """The same of seeds that have been run: a size counts as answered where one of its seeds is."""
    found = []
    for shape, rows in sizes_of(payloads, modality).items():
        seen = next((answer for row in rows if (answer := answers[row]) is not None), None)
        found.append(SizeTrial(shape, len(rows), None if seen is None else answer_shape(seen)))
    return found


def answer_shape(seen: Observation) -> Shape:
    """Of what is judged of one input; of texts and sequences, whose lengths vary anyway, nothing."""
    main = seen.outputs["main"]
    return tuple(main.shape[1:]) if isinstance(main, Tensor) else ()


def refusal(target: AnyTarget, tried: Sequence[SizeTrial]) -> str:
    """Why seeds of these sizes cannot be fuzzed together, ending with the line to write; "" where they can."""
    answered = [one for one in tried if one.answer is not None]
    if len(tried) < 2 or not answered:
        return ""
    best = answered[0]
    every, lost = (sum(one.rows for one in some) for some in (tried, [one for one in tried if one.answer is None]))
    if len(answered) == 1 and lost > LOST_SHARE * every:
        other = next(one for one in tried if one.answer is None)
        why = f" ({other.raised})" if other.raised else ""
        return (
            f"target {target.name} answers on seeds of {named(best.shape)} alone ({best.rows} of {every}), "
            f"not on {named(other.shape)}{why}; declare the size: "
            f"{declared(target.modality, best.shape)}"
        )
    other = next((one for one in answered if one.answer != best.answer), best)
    if other.answer == best.answer:
        return ""
    return (
        f"target {target.name} answers with {named(best.answer or ())} on {named(best.shape)} and with "
        f"{named(other.answer or ())} on {named(other.shape)}: answers of different sizes are not compared; declare "
        f"one size: {declared(target.modality, best.shape)}"
    )


def require_sizes(target: AnyTarget, payloads: Sequence[Payload], answers: Sequence[Observation | None]) -> list[str]:
    """What is to be said of seeds of several sizes that were run. Raises TargetError where they cannot be fuzzed."""
    tried = trials_of(payloads, answers, target.modality)
    if why := refusal(target, tried):
        raise TargetError(why)
    silent = [one for one in tried if one.answer is None]
    if len(silent) in (0, len(tried)):
        return []
    return [f"the target raises on all seeds of {_list(silent)}; those of {_list(tried, silent)} are fuzzed"]


def lines(target: AnyTarget, tried: Sequence[SizeTrial]) -> Iterator[tuple[Literal["ok", "warn", "fail"], str]]:
    """(level, sentence) about seeds of several sizes, for a check."""
    if len(tried) < 2:
        return
    if why := refusal(target, tried):
        yield "fail", why
        return
    silent = [one for one in tried if one.answer is None]
    if answered := [one for one in tried if one.answer is not None]:
        yield "ok", f"seeds of {len(tried)} sizes are run, each in batches of its own: {_list(answered)}"
    for one in silent if answered else ():
        yield "warn", f"raises on {named(one.shape)} ({one.rows} seeds, which are left out): {one.raised}"


def lengths_hint(target: AnyTarget, type_name: str, message: str) -> str:
    """What to write where a target that is handed lengths beside its inputs does not take them; "" elsewhere."""
    seconds = getattr(target.modality, "sample_rate_hz", None)
    if not (target.modality.ragged and seconds and type_name == "TypeError" and "positional argument" in message):
        return ""
    name = type(target.modality).__name__
    return (
        f"; inputs of any length come with their lengths: take them (def forward(self, x, lengths)), drop them where"
        f" zeros behind a sound change nothing (preprocess=lambda x, lengths: x), or declare one length:"
        f" {name}(seconds=1.0)"
    )


def named(shape: Shape) -> str:
    """ "16 x 24" of (1, 16, 24) and of (16, 24)."""
    sizes = shape[1:] if len(shape) > 2 else shape
    return " x ".join(map(str, sizes)) or "one number"


def declared(modality: Modality, shape: Shape) -> str:
    """The modality of inputs of one size, as Python."""
    own: Mapping[str, Any] = modality.describe()
    if "size" not in own:
        return f"preprocess inputs of {named(shape)}"
    channels = f", channels={own['channels']}" if own.get("channels", 1) != 1 else ""
    return f"{type(modality).__name__}(size={tuple(shape[1:])}{channels})"


def _list(tried: Sequence[SizeTrial], without: Sequence[SizeTrial] = ()) -> str:
    kept = [one for one in tried if one not in without]
    shown = ", ".join(f"{named(one.shape)} ({one.rows})" for one in kept[:SHOWN])
    return shown + (", ..." if len(kept) > SHOWN else "")
