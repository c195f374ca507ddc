"""How far two model inputs are apart, and where: arrays, tensors, texts, and what holds them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WHOLE = "input"
"""What an input of one part is called."""

STORED = (np.dtype(np.uint8), np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.uint16))
"""Whole numbers that stand for amounts (levels of pixels, samples). Others are names: tokens, masks."""

Leaf = NDArray[Any] | str


@dataclass(frozen=True, slots=True)
class Difference:
    """share: of the range of numbers, of the values of tokens and texts; 1 where the parts do not fit each other.

    fits: whether the two have the same parts and shapes.
    """

    words: str
    share: float
    fits: bool = True


def parts(value: Any, name: str = "") -> dict[str, Leaf]:
    """The arrays and texts of a model's input, by where they stand in it: "input", "input_ids", "0"."""
    value = _plain(value)
    if isinstance(value, str):
        return {name or WHOLE: value}
    if isinstance(value, np.ndarray) and value.dtype != object:
        return {name or WHOLE: value}
    inside: list[tuple[str, Any]]
    if isinstance(value, Mapping):
        inside = [(str(key), one) for key, one in value.items()]
    else:
        inside = [(str(number), one) for number, one in enumerate(value)]
    if not isinstance(value, Mapping) and len(inside) == 1:
        return parts(inside[0][1], name)
    return {path: leaf for key, one in inside for path, leaf in parts(one, f"{name}.{key}".strip(".")).items()}


def _plain(value: Any) -> Any:
    """Tensors, pictures, sparse matrices, encodings, numbers as arrays; lists as arrays where they are rectangular."""
    if isinstance(value, (str, np.ndarray)):
        return value
    if isinstance(value, (bytes, bytearray)):
        return np.frombuffer(value, np.uint8)
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        return (value.float() if "float" in str(value.dtype) and value.element_size() < 4 else value).numpy()
    if hasattr(value, "toarray"):
        return value.toarray()
    if hasattr(value, "getbands"):
        return np.asarray(value)
    if hasattr(value, "ids") and hasattr(value, "tokens"):
        return np.asarray(value.ids, np.int64)
    if isinstance(value, Mapping) or (hasattr(value, "keys") and hasattr(value, "__getitem__")):
        return {key: value[key] for key in value.keys() if value[key] is not None}  # noqa: SIM118 - not all are dicts
    if dataclasses.is_dataclass(value):
        return {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return _rectangular(value)
    return np.asarray(value) if value is not None else np.zeros(0)


def _rectangular(value: list[Any] | tuple[Any, ...]) -> Any:
    if not all(isinstance(one, (int, float, bool, list)) for one in value) or not value:
        return value if value else np.zeros(0)
    try:
        found = np.asarray(value)
    except ValueError:  # ragged
        return value
    return found if found.dtype.kind in "biuf" else value


def difference(due: Any, got: Any, *, tolerance: float, span: float) -> Difference | None:
    """None where the two are the same up to `tolerance`, a share of `span`: what the numbers range over.

    Whole numbers that name something (tokens, masks) and texts are the same only where they are equal.
    """
    first, second = parts(due), parts(got)
    if first.keys() != second.keys():
        return Difference(f"parts {_listed(second)} where {_listed(first)} are due", 1.0, fits=False)
    worst: Difference | None = None
    for name, one in first.items():
        found = _between(name, one, second[name], tolerance, span)
        if found is not None and (worst is None or found.share > worst.share):
            worst = found
    return worst


def _between(name: str, due: Leaf, got: Leaf, tolerance: float, span: float) -> Difference | None:
    if isinstance(due, str) or isinstance(got, str):
        return _of_texts(name, str(due), str(got))
    if due.shape != got.shape:
        return Difference(f"{name} has shape {_shape(got)} where {_shape(due)} is due", 1.0, fits=False)
    if not due.size:
        return None
    if due.dtype.kind in "OUS" or got.dtype.kind in "OUS":
        return _of_names(name, due.astype(str), got.astype(str))
    names = due.dtype.kind in "biu" and got.dtype.kind in "biu" and not {due.dtype, got.dtype} & {*STORED}
    return _of_names(name, due, got) if names else _of_numbers(name, due, got, tolerance, span)


def _of_numbers(name: str, due: NDArray[Any], got: NDArray[Any], tolerance: float, span: float) -> Difference | None:
    first, second = due.astype(np.float64), got.astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.abs(second - first)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    apart = np.where(same, 0.0, np.where(np.isfinite(apart), apart, np.inf))
    limit = tolerance * span
    over = int((apart > limit).sum())
    if not over:
        return None
    place = np.unravel_index(int(apart.argmax()), apart.shape)
    share = float(apart.max() / span) if span > 0 else 1.0
    words = (
        f"{name}{_at(place)} is {second[place]:.6g} where {first[place]:.6g} is due: {_per_cent(share)} % of the range "
        f"({span:.4g}); {over:,} of {apart.size:,} values differ by more than {_per_cent(tolerance)} %, the mean "
        f"difference is {float(np.where(np.isfinite(apart), apart, 0).mean()):.3g}"
    )
    return Difference(words, min(share, 1e6))


def _of_names(name: str, due: NDArray[Any], got: NDArray[Any]) -> Difference | None:
    other = due != got
    count = int(other.sum())
    if not count:
        return None
    place = np.unravel_index(int(other.argmax()), other.shape)
    share = count / other.size
    return Difference(
        f"{name}{_at(place)} is {got[place]} where {due[place]} is due; {count:,} of {other.size:,}, "
        f"{_per_cent(share)} % of the values, differ",
        share,
    )


def _of_texts(name: str, due: str, got: str) -> Difference | None:
    if due == got:
        return None
    at = next(
        (n for n, (one, other) in enumerate(zip(due, got, strict=False)) if one != other), min(len(due), len(got))
    )
    other = sum(one != two for one, two in zip(due, got, strict=False)) + abs(len(due) - len(got))
    share = other / max(len(due), len(got))
    seen, wanted = got[at : at + 8], due[at : at + 8]
    return Difference(
        f"{name}[{at}] is {seen!a} where {wanted!a} is due; {_per_cent(share)} % of the values differ", share
    )


def _at(place: tuple[Any, ...]) -> str:
    return f"[{', '.join(str(int(one)) for one in place)}]" if place else ""


def _shape(part: NDArray[Any]) -> str:
    return "x".join(map(str, part.shape)) or "()"


def _per_cent(share: float) -> str:
    return f"{share * 100:.3g}" if np.isfinite(share) else "inf"


def _listed(found: Mapping[str, Leaf]) -> str:
    return ", ".join(list(found)[:8]) or "nothing"
