"""Prove a hand-over before any fuzzing: each line is a mistake that somebody has made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import Rows, TensorRows, from_payloads
from mlfuzz.errors import TargetError
from mlfuzz.modality.base import Payload
from mlfuzz.observation import Observation, Ragged
from mlfuzz.targets.advice import advice
from mlfuzz.targets.agreement import RIGHT, agreements
from mlfuzz.targets.calibrate import STAGE_SECONDS, UNSTABLE_SHARE, affordable, largest_difference, speed
from mlfuzz.targets.callable import CallableTarget
from mlfuzz.targets.digest import unverified_line
from mlfuzz.targets.execute import crash_of
from mlfuzz.targets.fixed_batch import kept
from mlfuzz.targets.given import GivenTarget
from mlfuzz.targets.hooks import functional_activations, takes_hooks
from mlfuzz.targets.modes import changing
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.targets.outputs import form_of
from mlfuzz.targets.portions import compiled_parts
from mlfuzz.targets.sizes import lengths_hint
from mlfuzz.targets.surroundings import changes
from mlfuzz.tasks.infer import Inferred, turned

Level = Literal["ok", "warn", "fail"]

BATCH_NOISE = 1e-3
"""Models differ by 1e-7 to 2e-6 between batch sizes; a thousand times that is a padding leak or a batch norm."""

CHANCE_FACTOR = 1.5
"""Below this multiple of chance something is wrong with the hand-over: labels, order of channels, scaling."""

ROWS = 16

TIMES = 5
"""Runs of one batch that must agree; of a slow target fewer, never less than two."""

SLOW_START_SECONDS = 2.0
SLOW_START_FACTOR = 4.0
"""A first call is told from here on, if it is so many times the next: whoever waits should know what for."""

FIRST_ROWS = 2
"""Of the first call: one alone does not show which layers answer a row each."""

LABELLED = 16
"""So many labelled seeds at least are asked even of a slow target, and so few of many condemn no hand-over."""


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One finding of the check, and what to do about it."""

    level: Level
    text: str


def check(
    target: GivenTarget, payloads: Sequence[Payload], labels: Sequence[str | None], truths: Sequence[str] = ()
) -> Iterator[CheckLine]:
    """Lines as they are found out; ends early where nothing further can be run.

    payloads: usable seeds of one shape. labels: theirs, None where a seed has none. truths: of their places, or "".
    """
    rows = from_payloads(payloads, target.modality, target.device)
    first, each = _first(target, rows.part(0, min(FIRST_ROWS, len(rows))))
    if first > max(SLOW_START_SECONDS, SLOW_START_FACTOR * each * FIRST_ROWS):
        yield CheckLine("ok", f"the first call takes {first:.1f} s, which is held against no input")
    wanted = min(ROWS, len(rows))
    few = rows.part(0, min(wanted, affordable(ROWS, each, passes=TIMES, least=2)))
    seen, line = _runs(target, few)
    yield line
    if seen is None:
        return
    if len(few) < wanted:
        yield CheckLine("warn", f"slow, {each:.2g} s an input: what follows is tried on {len(few)} seeds, not {wanted}")
    outputs = list(_outputs(target, seen))
    yield from outputs
    yield from _taken(target)
    if any(line.level == "fail" for line in outputs):
        return
    yield from _task(target)
    if unseen := unverified_line(target):
        yield CheckLine("warn", unseen)
    if found := changes(target.surroundings):
        yield CheckLine("ok", found)
    yield from _portion(target)
    yield from _train_mode(target)
    yield from _in_place(target)
    yield from _determinism(target, few, max(2, min(TIMES, int(STAGE_SECONDS / max(each * len(few), 1e-9)))))
    alone, line = _runs(target, few.part(0, 1))
    if alone is None:  # batch norm in training mode refuses a single row
        yield line
        return
    yield from _batches(target, few, seen)
    yield from _agreement(target, few, truths)
    yield from _accuracy(target, rows, labels, affordable(len(rows), each, least=LABELLED))
    yield from _coverage(target, few)
    yield from _speed(target, rows, each)


def _first(target: GivenTarget, rows: Rows) -> tuple[float, float]:
    """Seconds of the first call of all, and of one input in the next; what they raise is told where a batch runs."""
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        with suppress(Exception, SystemExit):
            target.run(rows)
        seconds.append(time.perf_counter() - started)
    return seconds[0], seconds[1] / len(rows)


def _runs(target: GivenTarget, rows: Rows) -> tuple[Observation | None, CheckLine]:
    started = time.perf_counter()
    try:
        seen = target.run(rows)
    except TargetError as error:
        return None, CheckLine("fail", str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001  what the target raises is what the check is about
        crash = crash_of(error)
        where = f" in {crash.frames[-1]}" if crash.frames else ""
        hint = lengths_hint(target, crash.type, crash.message) or advice(crash)
        return None, CheckLine(
            "fail", f"a batch of {len(rows)} seeds raises {crash.type}{where}: {crash.message}{hint}"
        )
    size = f", {_count(target.parameters)} parameters" if target.parameters else ""
    spent = time.perf_counter() - started
    return seen, CheckLine(
        "ok", f"runs {len(rows)} seeds in one batch{size}, on {target.device} ({spent * 1000:.0f} ms)"
    )


def _outputs(target: GivenTarget, seen: Observation) -> Iterator[CheckLine]:
    main = seen.outputs["main"]
    if isinstance(main, tuple):
        yield CheckLine("ok", f"outputs {len(main)} texts or labels")
        return
    if isinstance(main, Ragged) and target.task is not None and target.task.truth == "boxes":
        low, high = int(main.lengths.min()), int(main.lengths.max())
        yield CheckLine("ok", f"outputs {low} to {high} boxes an input, with scores and labels")
        return
    if isinstance(main, Ragged):
        yield CheckLine("ok", f"outputs sequences of {int(main.lengths.min())} to {int(main.lengths.max())} steps")
        return
    if not bool(torch.isfinite(main).all()):
        bad = int((~torch.isfinite(main.reshape(len(main), -1))).any(1).sum())
        every = bad == len(main)
        advice = "check the preprocessing and the weights" if every else "seeds that do this are left out"
        yield CheckLine("fail" if every else "warn", f"outputs NaN or infinity on {bad} of {len(main)} seeds: {advice}")
        if every:
            return
    found = target.answers.inferred
    if target.oracles:
        named = ", ".join(str(one["name"]) for one in target.oracles)
        yield CheckLine("ok", f"outputs {form_of(main).shown} an input, judged by {named}")
        return
    if found.misfit or found.task is None:
        yield CheckLine("fail", found.misfit)
        return
    shown = "one number" if found.task.labels == "sides" else form_of(main).shown
    yield CheckLine("ok", f"outputs {shown} an input: {_in_words(found, main)}")
    if found.task.name == "regression" and _spread(seen) <= 1e-12:
        yield CheckLine(
            "warn",
            'outputs the same on every seed: what deviation matters is a guess; say it: task="regression:bound=..."',
        )


def _in_words(found: Inferred, main: Tensor) -> str:
    if found.task is None or found.task.name != "classes":
        return found.task.summary if found.task else ""
    sums = main.sum(1)
    likely = bool((main >= 0).all()) and bool(torch.allclose(sums, torch.ones_like(sums), atol=1e-3))
    if not likely and found.advice:
        return "scores, between 0 and 1"
    return f"scores, {'probabilities (rows sum to 1)' if likely else 'logits'}"


def _task(target: GivenTarget) -> Iterator[CheckLine]:
    """As what its answers are judged, and the line that changes it."""
    answers = target.answers
    found = answers.inferred
    if found.task is None or target.oracles:
        return
    at = "" if answers.threshold is None else f", yes above {answers.threshold:g}"
    if answers.guessed:
        at += f' (values between 0 and 1; of logits write task="{found.task.name}:threshold=0")'
    by = ", ".join(str(one["name"]) for one in found.task.oracles)
    yield CheckLine("ok", f"judged as {found.task.name}: {found.why}{at}; by {by} (task=... changes it)")
    if found.advice:
        yield CheckLine("warn", found.advice)
    if found.task.geometry == "lost" and target.modality.name == "image":
        yield CheckLine(
            "ok", f"operators of geometry are left out: they may change what is right for {found.task.name}"
            " (--mutators default uses them; a relation says what they do)"
        )  # fmt: skip
    if answers.lost_axis:
        yield CheckLine("warn", "a batch of one loses its first axis, which mlfuzz puts back: write .squeeze(-1)")


def _taken(target: GivenTarget) -> Iterator[CheckLine]:
    """Of an answer of several parts: which is judged, and which are not."""
    taken = target.taken
    if taken.made:
        yield CheckLine("ok", f"judged is what output= makes of the answer ({taken.rule})")
    if not (taken.judged or taken.beside or taken.left_out):
        return
    if taken.judged:
        first = next(iter(taken.beside), "")
        change = f'; output="{first}" judges another' if first else ""
        yield CheckLine("ok", f"judged is part {taken.judged!r} of the answer, {taken.rule}{change}")
    if taken.beside:
        yield CheckLine("ok", f"beside it, and looked at for NaN and infinity alone: {_listed(taken.beside)}")
    if taken.left_out:
        yield CheckLine("ok", f"left out, no tensor of one row an input: {_listed(taken.left_out)}")


def _listed(parts: Mapping[str, str]) -> str:
    return ", ".join(f"{name!r} ({text})" for name, text in parts.items())


def _portion(target: GivenTarget) -> Iterator[CheckLine]:
    """Of a model that takes one size of batch alone."""
    if isinstance(target, ModuleTarget) and target.batch:
        why = f" ({target.batch_reason})" if target.batch_reason else ""
        size = "1 input at once" if target.batch == 1 else f"{target.batch} inputs at once, padded"
        yield CheckLine("ok", f"always called with {size}{why}; batch= of the target says otherwise")


def _train_mode(target: GivenTarget) -> Iterator[CheckLine]:
    if isinstance(target, ModuleTarget) and target.mode_is_fixed:
        yield CheckLine(
            "ok", "the model or a part of it refuses eval(), as exported programs do: taken in the mode it has"
        )
    elif isinstance(target, ModuleTarget) and target.train_mode and getattr(target.model, "training", False):
        found = changing(target.model)
        named = f" ({', '.join(found[:3])})" if found else ""
        yield CheckLine("fail" if found else "warn", f"the model is in training mode{named}: call model.eval()")
    elif target.was_training:
        yield CheckLine("warn", "the model came in training mode; mlfuzz runs it in evaluation mode")


def _in_place(target: GivenTarget) -> Iterator[CheckLine]:
    """Found out in the first run of all."""
    if target.shield:
        yield CheckLine(
            "warn", "the target writes into its input; mlfuzz hands it copies (work on x.clone() to save the time)"
        )


def _determinism(target: GivenTarget, rows: Rows, times: int) -> Iterator[CheckLine]:
    with_copy = _shielded(target)
    first = with_copy(rows)
    worst = max(largest_difference(first, with_copy(rows)) for _ in range(times - 1))
    if worst == 0:
        yield CheckLine("ok", f"deterministic: the same batch gave the same bits {times} times")
        return
    spread = _spread(first)
    level: Level = "fail" if worst > UNSTABLE_SHARE * spread else "warn"
    apart = f"the same batch differs by up to {worst:.3g} (outputs vary by {spread:.3g})"
    yield CheckLine(level, f"not deterministic: {apart}; look for dropout, sampling, or state kept between calls")


def _batches(target: GivenTarget, rows: Rows, seen: Observation) -> Iterator[CheckLine]:
    run = _shielded(target)
    count = len(rows)
    alone = [run(rows.part(row, row + 1)) for row in range(count)]
    single = max(largest_difference(seen.take(np.asarray([row])), one) for row, one in enumerate(alone))
    backwards = np.arange(count)[::-1].copy()
    turned = largest_difference(seen, run(rows.take(backwards)).take(backwards))
    spread = _spread(seen)
    worst = max(single, turned)
    if worst > BATCH_NOISE * spread:
        apart = f"a row's answer depends on its batch (by up to {worst:.3g}, outputs vary by {spread:.3g})"
        yield CheckLine("fail", f"{apart}: batch norm in training mode, a padding leak, or dynamic quantisation")
    else:
        yield CheckLine("ok", f"batch-invariant: alone, in a batch and in another order agree to {worst:.1g}")


def _agreement(target: GivenTarget, rows: Rows, truths: Sequence[str]) -> Iterator[CheckLine]:
    """Of maps and boxes: how far the answers to the seeds agree with their masks or boxes."""
    task = target.task
    if task is None or not task.truth:
        return
    known = [value for value in agreements(target, _shielded(target)(rows).outputs["main"], truths[: len(rows)])
             if value == value]  # fmt: skip
    if not known:
        files = "masks" if task.truth == "maps" else "boxes"
        yield CheckLine(
            "warn", f"no {files} of the seeds: the model's own answer on each seed is taken as right"
            " (docs/tasks.md: where they are looked for)"
        )  # fmt: skip
        return
    mean, word = sum(known) / len(known), "mean IoU" if task.truth == "maps" else "boxes matched (F1)"
    level: Level = "ok" if mean > RIGHT else "warn"
    yield CheckLine(level, f"clean {word} {mean:.2f} on {len(known)} seeds with a truth of their own")


def _accuracy(target: GivenTarget, rows: Rows, labels: Sequence[str | None], most: int) -> Iterator[CheckLine]:
    """most: seeds to ask, spread evenly over all that are labelled."""
    task = target.task
    if task is not None and (task.truth or not task.labels):
        return
    every = [at for at, label in enumerate(labels) if label is not None and label in target.labels]
    labelled = [every[at * len(every) // most] for at in range(most)] if len(every) > most else every
    if not labelled:
        if target.labels:
            yield CheckLine("warn", "no labelled seeds: the model's own answer on each seed is taken as right"
                               " (name sub-folders by label, or add a labels.csv)")  # fmt: skip
        return
    run = _shielded(target)
    right = 0
    for start in range(0, len(labelled), 64):
        part = labelled[start : start + 64]
        seen = run(rows.take(np.asarray(part, np.int64)))
        right += sum(target.answers.says(seen.outputs["main"], row, labels[at]) for row, at in enumerate(part))
    share, chance = right / len(labelled), 1 / max(len(target.labels), 1)
    of = f" of {len(every)}" if len(labelled) < len(every) else ""
    sentence = f"clean accuracy {share:.1%} on {len(labelled)}{of} labelled seeds (chance {chance:.0%})"
    alone = task is None or task.name != "multi-label"
    if share < CHANCE_FACTOR * chance and len(target.labels) > 1 and alone:
        few = of and len(labelled) <= LABELLED
        sides = f" {turned(target.labels)}; or" if task is not None and task.labels == "sides" else ""
        yield CheckLine(
            "warn" if few else "fail",
            f"{sentence}:{sides} look at the order of labels, the scaling and the order of channels",
        )
    else:
        yield CheckLine("ok" if share > 0.5 else "warn", sentence)


def _coverage(target: GivenTarget, rows: Rows) -> Iterator[CheckLine]:
    units = sum(layer.units for layer in target.layers)
    if isinstance(target, CallableTarget):
        inside = f"{units:,} units in {len(target.layers)} layers are watched"
        yield CheckLine("ok", inside if units else "a black box: coverage looks at its outputs")
        return
    if not units and compiled_parts(target.model):
        yield CheckLine("ok", "the model is compiled, where hooks are not called: coverage looks at the outputs")
        return
    if not units and not takes_hooks(target.model):
        yield CheckLine("ok", "the model takes no hooks (TorchScript does not): coverage looks at the outputs")
        return
    if not units:
        yield CheckLine("warn", "no layer is watched: coverage looks at the outputs alone (name layers=[...])")
        return
    yield CheckLine("ok", f"{units:,} units in {len(target.layers)} layers are watched")
    if compiled_parts(target.model):  # counting would compile it anew
        return
    _, functional = functional_activations(target.model, lambda: target.forward(rows))
    if functional:
        yield CheckLine("warn", f"{functional} activations are plain functions that hooks cannot see;"
                           " torch.nn.ReLU() and its like can be watched")  # fmt: skip


def _speed(target: GivenTarget, rows: Rows, each: float) -> Iterator[CheckLine]:
    measured = speed(target, rows, each=each)
    table = ", ".join(f"{batch}: {_count(rate)}" for batch, rate in measured.table.items())
    yield CheckLine("ok", f"{_count(measured.table[measured.batch])} inputs/s at batch {measured.batch} ({table})")
    if not isinstance(target, ModuleTarget) and (size := kept(target)):
        yield CheckLine("ok", f"always called with {size} inputs at once; missing ones are padded")


def _shielded(target: GivenTarget) -> Callable[[Rows], Observation]:
    """Runs that hand over copies, so that a target that writes into its input cannot spoil the next run."""

    def run(rows: Rows) -> Observation:
        shielded = TensorRows(rows.data.clone(), rows.modality, rows.lengths) if isinstance(rows, TensorRows) else rows
        return target.run(shielded)

    return run


def _spread(seen: Observation) -> float:
    main = seen.outputs["main"]
    if not isinstance(main, Tensor):
        return 1.0
    good = main[torch.isfinite(main)]
    return max(float(good.std(unbiased=False)), 1e-12) if good.numel() > 1 else 1.0


def _count(number: float) -> str:
    if number < 10_000:
        return f"{number:.0f}" if number >= 10 else f"{number:.2g}"
    return f"{number / 1000:.0f} k" if number < 1e6 else f"{number / 1e6:.1f} M"
