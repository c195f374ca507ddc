"""What models that take NumPy arrays have in common: preprocessing, and inputs by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import TargetError

Preprocess = Callable[..., Any]
Run = Callable[[Mapping[str, NDArray[Any]]], list[NDArray[Any]]]


@dataclass(frozen=True, slots=True)
class Slot:
    """An input of a graph. sizes: of its axes, None where any will do. dtype: None of texts."""

    name: str
    sizes: tuple[int | None, ...]
    dtype: np.dtype[Any] | None


def batch_of(slots: Sequence[Slot]) -> int:
    """The one number of rows that a graph takes; 0 where any will do."""
    firsts = {slot.sizes[0] for slot in slots if slot.sizes}
    only = next(iter(firsts)) if len(firsts) == 1 else None
    return only or 0


def feed(slots: Sequence[Slot], natural: Sequence[Any], preprocess: Preprocess | None) -> dict[str, NDArray[Any]]:
    """Arrays by the graph's names, after preprocessing. Floats become those of the graph, whole numbers too.

    Raises TargetError where there are other inputs than the graph has.
    """
    given = preprocess(*natural) if preprocess is not None else natural
    if isinstance(given, Mapping):
        by_name = dict(given)
    else:
        parts = given if isinstance(given, tuple) else (given,)
        by_name = {slot.name: part for slot, part in zip(slots, parts, strict=False)}
        if preprocess is None and len(parts) > len(slots):  # the lengths of waveforms, which many graphs do not take
            parts = parts[: len(slots)]
        if len(parts) != len(slots):
            raise TargetError(
                f"the model has {len(slots)} inputs ({', '.join(slot.name for slot in slots)}), and is given "
                f"{len(parts)}; {_dictionary(slots)}"
            )
    if missing := [slot.name for slot in slots if slot.name not in by_name]:
        raise TargetError(f"the model's input {missing[0]!r} is not given; {_dictionary(slots)}")
    return {slot.name: _cast(by_name[slot.name], slot) for slot in slots}


def require_fit(slots: Sequence[Slot], fed: Mapping[str, NDArray[Any]]) -> None:
    """Raises TargetError with the line to write where an array has another shape or type than its input."""
    for slot in slots:
        array = fed[slot.name]
        shape, sizes = array.shape, slot.sizes
        other_type = slot.dtype is not None and array.dtype != slot.dtype
        if len(shape) == len(sizes) and all(
            size in (None, got) for size, got in zip(sizes[1:], shape[1:], strict=True)
        ):
            if not other_type:
                continue
            advice = f"say how one becomes the other: preprocess=lambda x: {_converted(slot.dtype, 'x')}"
        else:
            advice = _turned(slot, shape, other_type=other_type)
        takes = ", ".join("any" if size is None else str(size) for size in sizes)
        raise TargetError(
            f"the model's input {slot.name!r} takes {slot.dtype or 'texts'} ({takes}), and is given {array.dtype} "
            f"{tuple(shape)}; {advice}"
        )


def in_chunks(run: Run, fed: Mapping[str, NDArray[Any]], size: int) -> list[NDArray[Any]]:
    """`run` over the rows of `fed`, always `size` at once, the last row again where some are missing; 0: all at once.

    What has no row an input is given as of the last of them.
    """
    rows = len(next(iter(fed.values())))
    if not size or rows == size:
        return run(fed)
    results = []
    for start in range(0, rows, size):
        part = {name: array[start : start + size] for name, array in fed.items()}
        missing = size - min(size, rows - start)
        results.append(run({name: _filled(array, missing) for name, array in part.items()} if missing else part))
    return [
        np.concatenate(arrays)[:rows] if all(array.ndim and len(array) == size for array in arrays) else arrays[-1]
        for arrays in zip(*results, strict=True)
    ]


def _filled(array: NDArray[Any], missing: int) -> NDArray[Any]:
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])


def _cast(value: Any, slot: Slot) -> NDArray[Any]:
    array: NDArray[Any] = np.asarray(value) if slot.dtype is not None else np.asarray(value, dtype=object)
    same_kind = slot.dtype is not None and array.dtype != slot.dtype and array.dtype.kind == slot.dtype.kind
    if same_kind and slot.dtype is not None and (slot.dtype.kind == "f" or slot.dtype.itemsize > array.dtype.itemsize):
        array = array.astype(slot.dtype)
    return np.ascontiguousarray(array)


def _dictionary(slots: Sequence[Slot]) -> str:
    inside = ", ".join(f"{slot.name!r}: ..." for slot in slots)
    return f"give all of them by name: preprocess=lambda x: {{{inside}}}"


def _turned(slot: Slot, got: tuple[int, ...], *, other_type: bool) -> str:
    """What to write where the axes stand in another order, or the modality is of another size."""
    sizes = slot.sizes
    if len(got) == 4 == len(sizes) and sizes[1:] != got[1:]:
        if all(size in (None, same) for size, same in zip(sizes[1:], (got[2], got[3], got[1]), strict=True)):
            turned = "x.transpose(0, 2, 3, 1)"
            turned = _converted(slot.dtype, turned) if other_type else turned
            return f"channels come last there: preprocess=lambda x: {turned}"
        if sizes[1] == got[1] and None not in sizes[2:]:
            return f"take pictures of its size: mlfuzz.Image(size=({sizes[2]}, {sizes[3]}), ...)"
        if sizes[1] in (1, 3) and got[1] in (1, 3):
            return f"take pictures of so many channels: mlfuzz.Image(..., channels={sizes[1]})"
    if len(sizes) == 2:
        return "lay the values in a row: preprocess=lambda x: x.reshape(len(x), -1)"
    return "say how one becomes the other: preprocess=lambda x: x.reshape(...)"


def _converted(dtype: np.dtype[Any] | None, given: str) -> str:
    """Python that makes numbers of that type of `given`, floats in [0, 1]."""
    if dtype == np.uint8:
        return f'({given} * 255).round().astype("uint8")'
    if dtype == np.int8:
        return f'(({given} * 255).round() - 128).astype("int8")'
    return f'{given}.astype("{dtype}")'
