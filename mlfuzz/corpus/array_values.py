"""Arrays in the ranges and shapes that people save them in -> those that the codecs read; what was done is told."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import BadInputError

LEVELS = 255
FINE_LEVELS = 65535
SAMPLE_STEPS = 32768
LOUD = 8.0
"""Floats beyond this are samples of 16 bits: no recording is 18 dB over full scale."""

Tell = Callable[[str], None]


def as_pixels(
    array: NDArray[Any], tell: Tell, *, size: tuple[int, int] | None, channels: int, stacked: bool, square: bool
) -> NDArray[Any]:
    """One picture, or a stack of them along the first axis: flat ones made (C, H, W), values of 8 bits or in [0, 1].

    What a codec reads as it stands is left alone. square: flat ones of another number of values than `size` has may be
    square pictures; else they are lines of one. Raises BadInputError.
    """
    return _levels(_unflattened(array, tell, size=size, channels=channels, stacked=stacked, square=square), tell)


def _unflattened(
    array: NDArray[Any], tell: Tell, *, size: tuple[int, int] | None, channels: int, stacked: bool, square: bool
) -> NDArray[Any]:
    if array.ndim != 1 + stacked or array.shape[-1] == 0:
        return array
    count = array.shape[-1]
    shapes = (
        [] if size is None else [(size, planes) for planes in (channels, 1, 3, 4) if math.prod(size) * planes == count]
    )
    for planes in (channels, 1, 3) if square and not shapes else ():
        side = math.isqrt(count // planes)
        shapes += [((side, side), planes)] if side * side * planes == count and side > 1 else []
    if not shapes:
        return array
    (height, width), planes = shapes[0]
    how = f"{height} x {width}" if planes == 1 else f"{planes} planes of {height} x {width}, one after the other"
    tell(f"rows of {count} values are taken as pictures of {how}")
    shape = (height, width) if planes == 1 else (planes, height, width)
    return array.reshape(*array.shape[:-1], *shape)


def _levels(array: NDArray[Any], tell: Tell) -> NDArray[Any]:
    kind = array.dtype
    if kind.kind not in "iuf" or (kind.kind == "u" and kind.itemsize <= 2) or array.size == 0:
        return array
    if kind.kind == "f" and not np.isfinite(array.astype(np.float64)).all():
        return array  # the rows that are will be told by themselves
    low, high = float(array.min()), float(array.max())
    if kind.kind != "f":
        if low < 0 or high > FINE_LEVELS:
            raise BadInputError(
                "outside 0 to 255", f"whole numbers from {low:g} to {high:g}",
                remedy="write x.astype(np.uint8), once they are from 0 to 255",
            )  # fmt: skip
        if high <= 1:
            tell(f"{kind} of 0 and 1 is taken as black and white")
            return array.astype(bool)
        return array.astype(np.uint8 if high <= LEVELS else np.uint16)
    if low >= 0 and high <= 1:
        return array
    if low >= 0 and high <= FINE_LEVELS:
        most = LEVELS if high <= LEVELS else FINE_LEVELS
        tell(f"floats of {low:g} to {high:g} are divided by {most}")
        return array.astype(np.float32) / np.float32(most)
    if low >= -1 and high <= 1:
        tell(f"floats of {low:g} to {high:g} are taken as -1 to 1: x / 2 + 0.5")
        return (array.astype(np.float32) + 1) / 2
    raise BadInputError(
        "outside [0, 1]", f"floats from {low:g} to {high:g}",
        remedy="undo what was done to them, or scale them: (x - x.min()) / (x.max() - x.min())",
    )  # fmt: skip


def as_samples(array: NDArray[Any], tell: Tell) -> NDArray[Any]:
    """Waveforms of any type of number: int16, or floats in [-1, 1]. Raises BadInputError."""
    kind = array.dtype
    if kind.kind not in "iuf" or kind == np.int16 or array.size == 0:
        return array
    if kind == np.uint8:
        tell("samples of 8 bits without sign are taken about 128")
        return ((array.astype(np.int16) - 128) * 256).astype(np.int16)
    if kind.kind == "f":
        whole = array[np.isfinite(array)]
        peak = float(np.abs(whole).max()) if whole.size else 0.0
        if not LOUD < peak <= SAMPLE_STEPS:
            return array
        tell(f"floats of up to {peak:g} are taken as samples of 16 bits")
        return array.astype(np.float32) / np.float32(SAMPLE_STEPS)
    peak = max(abs(int(array.min())), abs(int(array.max())))
    if kind == np.int8:
        return array.astype(np.int16) * np.int16(256)
    if peak <= SAMPLE_STEPS:
        tell(f"{kind} of up to {peak} is taken as samples of 16 bits")
        return array.clip(-SAMPLE_STEPS, SAMPLE_STEPS - 1).astype(np.int16)
    if peak > 1 << 31:
        raise BadInputError("no waveform", f"whole numbers of up to {peak}", remedy="divide them to be in [-1, 1]")
    tell(f"{kind} of up to {peak} is taken as samples of 32 bits")
    return (array.astype(np.float64) / (1 << 31)).astype(np.float32)


def shown(notes: Sequence[str], name: str) -> list[str]:
    """Each with the file it is about."""
    return [f"{name}: {text}" for text in notes]
