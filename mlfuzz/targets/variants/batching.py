"""The same target under other circumstances that should not matter: alone, padded further, on several threads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mlfuzz.batch import Rows, TensorRows, from_payloads
from mlfuzz.errors import ConfigError, TargetError
from mlfuzz.modality.base import Payload
from mlfuzz.observation import Observation, Output, Ragged
from mlfuzz.targets.module import PADDING, VALID, ModuleTarget
from mlfuzz.targets.variants.base import BASE, MAIN, VARIANTS, plain

SHARE = 4
"""A quarter of the length is added as padding, and at least so many steps."""


class Single:
    """Each row alone; compared with the row in its batch, or, where it came alone, among others made from it.

    Those others (nothing, everything, itself backwards, itself fainter, itself longer) are the same wherever the row
    is run: what is found in a batch is then seen again in a process that has the row alone.
    """

    remedy = "the target must answer one input alone; mlfuzz check tells"

    def __init__(self, target: Any) -> None:
        self.name = self.digest = "single"
        self._target = target

    def answer(self, rows: Rows, seen: Observation) -> Mapping[str, Output]:
        if len(rows) == 1:
            return {MAIN: seen.outputs["main"], BASE: self._in_company(rows)}
        alone = [self._main(rows.part(at, at + 1)) for at in range(len(rows))]
        joined = Observation.join([Observation({MAIN: main}, seen.activations[:1, :0]) for main in alone])
        return {MAIN: joined.outputs[MAIN], BASE: seen.outputs["main"]}

    def _in_company(self, rows: Rows) -> Output:
        payload = rows.payload(0)
        several = from_payloads(
            [payload, *company(payload, self._target.modality)], self._target.modality, _device(rows)
        )
        main = self._main(several)
        return Observation({MAIN: main}, torch.zeros((len(several), 0))).take(np.asarray([0])).outputs[MAIN]

    def _main(self, rows: Rows) -> Output:
        main: Output = self._target.run(rows).outputs["main"]
        return main


class Padded:
    """Every row padded further by a quarter: waveforms behind their lengths, tokens behind their mask."""

    remedy = "padding must be told from content by lengths or by a mask"

    def __init__(self, target: Any) -> None:
        self.name = self.digest = "padded"
        self._target = target

    def answer(self, rows: Rows, seen: Observation) -> Mapping[str, Output]:
        if isinstance(rows, TensorRows) and rows.lengths is not None:
            longer = rows.with_data(functional.pad(rows.data, (0, _extra(rows.data.shape[-1]))))
            return {MAIN: _cut(self._target.run(longer).outputs["main"], seen.outputs["main"])}
        if not isinstance(self._target, ModuleTarget):
            raise self._unpadded()
        arguments, keywords = self._target.inputs(rows)
        named: dict[int | str, Any] = dict(enumerate(arguments))
        named.update(keywords)
        key = next((key for key, value in named.items() if _is_mask(key, value, len(rows))), None)
        if key is None:
            raise self._unpadded()
        mask = named[key]
        outside = bool(key in PADDING)
        valid = mask.logical_not() if outside else mask.bool()
        longer_by_name = {
            name: _tail(value, int(outside)) if name == key else _lengthened(value, valid)
            for name, value in named.items()
        }
        result = self._target.call(
            *[longer_by_name[at] for at in range(len(arguments))], **{name: longer_by_name[name] for name in keywords}
        )
        return {MAIN: _cut(plain(result, len(rows), self._target), seen.outputs["main"])}

    def _unpadded(self) -> TargetError:
        return TargetError(
            f"variant padded: target {self._target.name} takes neither lengths nor a mask of valid steps, so nothing "
            "says what padding is; let its preprocessing give a boolean mask (B, T), or leave this variant out"
        )


class ThreadedForm:
    """The target on several threads of the processor, whatever the campaign runs on."""

    remedy = "leave this variant out"

    def __init__(self, target: Any, count: int) -> None:
        self.name = "threads" if count == default_threads() else f"threads:{count}"
        self.digest = f"threads {count}"
        self._target, self._count, self._process = target, count, os.getpid()

    def answer(self, rows: Rows, seen: Observation) -> Mapping[str, Output]:
        if os.getpid() != self._process:  # in a forked child several threads would wait for one another for ever
            return {MAIN: seen.outputs["main"]}
        before = torch.get_num_threads()
        torch.set_num_threads(self._count)
        try:
            return {MAIN: self._target.run(rows).outputs["main"]}
        finally:
            torch.set_num_threads(before)


def company(payload: Payload, modality: Any) -> list[Payload]:
    """Others to stand in a batch with an input, made from it alone: of its shape, or longer where lengths are free."""
    if isinstance(payload, str):
        return ["", "a", payload[::-1], (payload + " ") * 2, (payload + " ") * 3, payload.upper(), payload[:1]]
    array: NDArray[Any] = np.asarray(payload)
    scale = modality.levels or 1
    others = [
        np.zeros_like(array).clip(modality.low * scale, modality.high * scale).astype(array.dtype),
        np.full_like(array, modality.high * scale),
        array[..., ::-1].copy(),
        (array * 0.5).astype(array.dtype),
    ]
    if modality.ragged:
        others += [np.concatenate([array, array], axis=-1), array[..., : max(1, array.shape[-1] // 2)].copy()]
    return [*others, others[2]]


def default_threads() -> int:
    """All cores, at least two."""
    return max(2, os.cpu_count() or 2)


def _device(rows: Rows) -> torch.device:
    return rows.data.device if isinstance(rows, TensorRows) else torch.device("cpu")


def _extra(length: int) -> int:
    return max(SHARE, length // SHARE)


def _is_mask(key: int | str, value: Any, batch: int) -> bool:
    if not isinstance(value, Tensor) or value.dim() != 2 or len(value) != batch:
        return False
    return value.dtype == torch.bool or key in VALID + PADDING


def _tail(mask: Tensor, value: int) -> Tensor:
    """A mask (B, T) with padding behind it."""
    more = torch.full((len(mask), _extra(mask.shape[1])), value, dtype=mask.dtype, device=mask.device)
    return torch.cat([mask, more], 1)


def _lengthened(value: Any, valid: Tensor) -> Any:
    """An argument (B, T, ...) with what stands in its padding, or zeros, behind it; others as they are."""
    if not isinstance(value, Tensor) or value.dim() < 2 or value.shape[:2] != valid.shape:
        return value
    outside = (~valid).nonzero()
    filler = value[tuple(outside[0])] if len(outside) else torch.zeros_like(value[0, 0])
    return torch.cat([value, filler.expand(value.shape[0], _extra(value.shape[1]), *value.shape[2:])], 1)


def _cut(output: Output, like: Output) -> Output:
    """Answers for each step, cut to the steps that were there before."""
    if isinstance(output, Tensor) and isinstance(like, Tensor) and output.dim() == like.dim() >= 2:
        return output[:, : like.shape[1]]
    if isinstance(output, Ragged) and isinstance(like, Ragged):
        return Ragged(output.values[:, : like.values.shape[1]], output.lengths.clamp_max(like.values.shape[1]))
    return output


def single(target: Any, argument: str) -> Single:
    """Batch 1 against batch n."""
    return Single(target)


def padded(target: Any, argument: str) -> Padded:
    """Padded against unpadded, where lengths or a mask tell padding from content."""
    return Padded(target)


def threads(target: Any, argument: str) -> ThreadedForm:
    """One thread against many; "threads:4" says how many."""
    if argument and not (argument.isdigit() and int(argument) > 0):
        raise ConfigError(f"variant threads: {argument!r} is no number of threads; write threads:4")
    return ThreadedForm(target, int(argument) if argument else default_threads())


VARIANTS.add("single", single)
VARIANTS.add("padded", padded)
VARIANTS.add("threads", threads)
