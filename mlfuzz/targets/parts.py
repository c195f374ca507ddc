"""An answer taken apart: which parts it has, by name or position, and which of them is judged.

What is judged is found by rules, in this order, at each level of nesting:

1. what the target declares: output="logits", a position, a path ("head.logits"), or a function of the whole answer;
2. the part named "main" or "logits", then one named as scores are (`SCORES`), then one whose name ends so;
3. the first part that has a row an input.

Whether a part has a row an input is seen by asking twice, with another number of inputs: a length alone fits by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from mlfuzz.errors import AnswerError, suggestion
from mlfuzz.observation import Ragged

Chosen: TypeAlias = str | int | Callable[[Any], Any]
"""Which part of an answer is judged: by name, position or path ("0.logits"), or what a function makes of the answer."""

Again: TypeAlias = Callable[[], tuple[Any, int]]
"""The answer to another number of inputs, and that number."""

MAIN = "main"
NAMES = (MAIN, "logits")
SCORES = (
    "scores", "probabilities", "probs", "proba", "logit", "probability", "prob", "score_map", "predictions",
    "prediction", "preds", "pred",
)  # fmt: skip
"""Names of what a model says for certain, where none of `NAMES` is there."""


@dataclass(frozen=True, slots=True)
class Taken:
    """How a target's answers are taken apart: learnt in its first run, and the same in any batch from then on.

    path: the keys that lead to the main output, () where an answer is one output. beside: parts with a row an input
    that stand beside it. left_out: parts without. Both by name, with what they are in words. rule: why that part is
    the main one, in words. axes: of the main output with the batch's, where it is a tensor; 0: not known. stacked: a
    list holds outputs by position, not an answer an input.
    """

    path: tuple[str, ...] = ()
    beside: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""
    axes: int = 0
    stacked: bool = False
    made: bool = False

    @property
    def judged(self) -> str:
        """The name of the main output, "" where an answer is one output."""
        return ".".join(self.path)


class Once:
    """The answer to another number of inputs, asked for where it is needed, and once. None where that raises."""

    def __init__(self, again: Again) -> None:
        self._again, self._asked = again, False
        self._answer: tuple[Any, int] | None = None

    def __call__(self) -> tuple[Any, int] | None:
        if not self._asked:
            self._asked = True
            try:
                self._answer = self._again()
            except Exception:  # noqa: BLE001  some targets take one size of batch alone; what they raise elsewhere is told elsewhere
                self._answer = None
        return self._answer


def learn(result: Any, batch: int, again: Again, *, output: Chosen | None = None, name: str = "") -> Taken:
    """How an answer to `batch` inputs is taken apart. Raises AnswerError where `output` is not there."""
    other = Once(again)
    if callable(output):
        made = output(result)
        kept = _beside(result, (), batch, other)
        called = getattr(output, "__name__", "output")
        axes = _axes(made, batch, lambda: _made(output, other()))
        return Taken((), *kept, rule=f"made by {called}()", axes=axes, made=True)
    stacked = _is_stacked(result, batch, other)
    if stacked:
        result = tuple(result)
    if output is None or output == "":
        path, rule = _chosen(result, batch, lambda: _opened(other(), stacked))
    else:
        path, rule = path_of(result, output, name), "output= says so"
    second = lambda: _at(_opened(other(), stacked), path)  # noqa: E731
    main, *_ = [walk(result, path)]
    found = _beside(result, path, batch, lambda: _opened(other(), stacked)) if path else ({}, {})
    return Taken(path, *found, rule=rule, axes=_axes(main, batch, second), stacked=stacked)


def opened(result: Any, taken: Taken, output: Chosen | None, name: str) -> tuple[Any, dict[str, Any]]:
    """(what is judged, the parts that stand beside it by name). Raises AnswerError where a part has gone."""
    whole = tuple(result) if taken.stacked and isinstance(result, list) else result
    main = output(result) if taken.made and callable(output) else walk(whole, taken.path, name)
    siblings = dict(_siblings(whole, taken.path)) if taken.beside else {}
    for key in taken.beside:
        if siblings.get(key) is None:
            raise AnswerError(f"target {name}: its answer had a part {key!r} in the first run, and has none now")
    return main, {key: siblings[key] for key in taken.beside}


def path_of(result: Any, output: Any, name: str) -> tuple[str, ...]:
    """The keys that a declared output= stands for. Raises AnswerError with the parts that are there."""
    path: list[str] = []
    rest = str(output)
    here = result
    while rest:
        parts = parts_of(here)
        keys = list(parts or {})
        head = rest if rest in keys else next((key for key in keys if rest.startswith(f"{key}.")), "")
        if not head and (rest.partition(".")[0].lstrip("-").isdigit()):
            first = rest.partition(".")[0]
            at = int(first)
            head = keys[at] if -len(keys) <= at < len(keys) else ""
            rest = head + rest[len(first) :] if head else rest
        if not head or parts is None:
            raise AnswerError(
                f"target {name}: output={output!r} is no part of its answer: {_missing(rest, here, keys)}"
            )
        path.append(head)
        rest, here = rest[len(head) + 1 :], parts[head]
    return tuple(path)


def _missing(wanted: str, here: Any, keys: Sequence[str]) -> str:
    if not keys:
        return f"{described(here)} has no parts; leave output= away"
    lines = " or ".join(f'output="{key}"' for key in keys[:4])
    return f"it has {', '.join(keys)}{suggestion(wanted, keys) if wanted else ''}; write {lines}"


def walk(result: Any, path: Sequence[str], name: str = "") -> Any:
    """The part that a path leads to. Raises AnswerError where there is none."""
    for key in path:
        parts = parts_of(result)
        if parts is None or key not in parts:
            raise AnswerError(
                f"target {name}: its answer had a part {'.'.join(path)!r} in the first run, and has none now"
            )
        result = parts[key]
    return result


def parts_of(result: Any) -> dict[str, Any] | None:
    """The outputs that one answer holds, by name or position; None where it is one output.

    A mapping, a dataclass, a named tuple, an object with attributes: by name; a tuple of anything but plain numbers
    and texts: by position. A list of these, one an input, is turned: each part then holds a list of one an input.
    """
    if isinstance(result, Tensor | np.ndarray | Ragged | str | bytes | PackedSequence) or result is None:
        return None
    if isinstance(result, Mapping):
        return {str(key): value for key, value in result.items()}
    if is_dataclass(result) and not isinstance(result, type):
        return {part.name: getattr(result, part.name) for part in fields(result)}
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return dict(zip(result._fields, result, strict=True))
    if isinstance(result, tuple):
        return {str(at): part for at, part in enumerate(result)} if any(map(has_axis, result)) else None
    if isinstance(result, list):
        return _turned(result)
    return _attributes(result)


def has_axis(value: Any) -> bool:
    """Whether a part could hold a row an input."""
    if isinstance(value, Tensor | np.ndarray):
        return value.ndim > 0
    if isinstance(value, list | Ragged | PackedSequence):
        return True
    parts = parts_of(value)
    return False if parts is None else any(map(has_axis, parts.values()))


def rows_in(value: Any) -> int:
    """How many answers a part holds; -1 where it has no axis of rows."""
    if isinstance(value, Tensor | np.ndarray):
        return len(value) if value.ndim else -1
    if isinstance(value, Ragged):
        return len(value.lengths)
    if isinstance(value, PackedSequence):
        return int(value.batch_sizes[0])
    return len(value) if isinstance(value, list) or (isinstance(value, tuple) and parts_of(value) is None) else -1


def described(value: Any) -> str:
    """A part in a few words."""
    if isinstance(value, Tensor | np.ndarray):
        return "x".join(str(size) for size in value.shape) or "one number"
    if isinstance(value, str):
        return "one text"
    if isinstance(value, list | tuple | Mapping):
        return f"a {type(value).__name__} of {len(value)}"
    if value is None:
        return "nothing (None)"
    return "one number" if isinstance(value, int | float) else f"something of type {type(value).__name__}"


def unpacked(value: PackedSequence) -> Ragged:
    """A recurrent network's packed sequences, batch first."""
    values, lengths = pad_packed_sequence(value, batch_first=True)
    return Ragged(values, lengths)


def _chosen(result: Any, batch: int, second: Callable[[], tuple[Any, int] | None]) -> tuple[tuple[str, ...], str]:
    """(the path to the main output, why it is that one)."""
    parts = parts_of(result)
    if not parts:
        return (), ""
    key, rule = _named(parts)
    if not key:
        key, rule = _with_rows(parts, batch, second)
    below, inner = _chosen(parts.get(key), batch, lambda: _at(second(), (key,)))
    return (key, *below), inner or rule


def _named(parts: Mapping[str, Any]) -> tuple[str, str]:
    able = {key.casefold(): key for key, value in parts.items() if has_axis(value)}
    for name in (*NAMES, *SCORES):
        if name in able:
            return able[name], "by its name"
    for name in ("logits", "scores", "probs"):
        if ending := [key for low, key in able.items() if low.endswith(f"_{name}")]:
            return ending[0], "by its name" if len(ending) == 1 else f"the first of {', '.join(ending)}"
    within = (key for key, value in parts.items() if (inner := parts_of(value)) and _named(inner)[0])
    return next(within, ""), "by its name"


def _with_rows(parts: Mapping[str, Any], batch: int, second: Callable[[], tuple[Any, int] | None]) -> tuple[str, str]:
    able = [key for key, value in parts.items() if has_axis(value)]
    if len(able) < 2:
        return (able or list(parts) or [""])[0], "the only one with numbers or texts"
    fits = [key for key in able if _fits(parts[key], batch, lambda key=key: _at(second(), (key,)))]  # type: ignore[misc]
    if not fits:
        nested = [
            key for key in able if (inner := parts_of(parts[key])) and any(rows_in(v) == batch for v in inner.values())
        ]
        return (nested or able)[0], "the first"
    return fits[0], "the only one with a row an input" if len(fits) == 1 else f"the first of {', '.join(fits)}"


def _beside(
    result: Any, path: Sequence[str], batch: int, second: Callable[[], tuple[Any, int] | None]
) -> tuple[dict[str, str], dict[str, str]]:
    beside, left_out = {}, {}
    for key, value in _siblings(result, path):
        if value is None:
            continue
        if _fits(value, batch, lambda key=key: _sibling(second(), path, key)):  # type: ignore[misc]
            beside[key] = described(value[0]) if isinstance(value, Tensor | np.ndarray) else f"a {type(value).__name__}"
        else:
            left_out[key] = described(value)
    return beside, left_out


def _siblings(result: Any, path: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """What stands beside the main output on each level of its path, by name; with no path all parts."""
    above = ""
    for key in path or ("",):
        parts = parts_of(result) or {}
        inner = list(_siblings(parts.get(key), path[1:])) if len(path) > 1 else []
        yield from ((f"{above}{name}", value) for name, value in parts.items() if name != key)
        yield from ((f"{key}.{name}", value) for name, value in inner)
        return


def _sibling(second: tuple[Any, int] | None, path: Sequence[str], key: str) -> tuple[Any, int] | None:
    if second is None:
        return None
    return dict(_siblings(second[0], path)).get(key), second[1]


def _fits(value: Any, batch: int, second: Callable[[], tuple[Any, int] | None]) -> bool:
    """Whether a part has a row an input, in this answer and in one to another number of inputs."""
    if rows_in(value) != batch:
        return False
    other = second()
    return other is None or rows_in(other[0]) == other[1]


def _is_stacked(result: Any, batch: int, other: Once) -> bool:
    """Whether a list of arrays holds outputs by position, as ONNX sessions give them: then its length is no batch's."""
    if not isinstance(result, list) or not result:
        return False
    if not all(isinstance(item, Tensor | np.ndarray) and item.ndim > 0 for item in result):
        return False
    second = other()
    if second is None or not isinstance(second[0], list):
        return len(result) != batch and all(len(item) == batch for item in result)
    return len(result) == len(second[0]) and any(
        len(item) == batch and len(again) == second[1] for item, again in zip(result, second[0], strict=True)
    )


def _opened(second: tuple[Any, int] | None, stacked: bool) -> tuple[Any, int] | None:
    if second is None or not stacked:
        return second
    return tuple(second[0]), second[1]


def _at(second: tuple[Any, int] | None, path: Sequence[str]) -> tuple[Any, int] | None:
    """The part of the other answer that a path leads to; None where it has none."""
    if second is None:
        return None
    try:
        return walk(second[0], path), second[1]
    except AnswerError:
        return None


def _made(output: Callable[[Any], Any], second: tuple[Any, int] | None) -> tuple[Any, int] | None:
    return None if second is None else (output(second[0]), second[1])


def _axes(main: Any, batch: int, second: Callable[[], tuple[Any, int] | None]) -> int:
    """How many axes the main output has; a model that squeezes loses the first one in a batch of one."""
    if not isinstance(main, Tensor | np.ndarray):
        return 0
    if batch > 1 or (main.ndim and len(main) == 1):
        return int(main.ndim)
    other = second()
    if other is None or not isinstance(other[0], Tensor | np.ndarray) or rows_in(other[0]) != other[1]:
        return int(main.ndim)
    return int(other[0].ndim)


def _turned(items: Sequence[Any]) -> dict[str, Any] | None:
    """A list of one set of parts an input as lists by part; None where its items have no parts."""
    first = _item_parts(items[0]) if items else None
    if first is None:
        return None
    rows = [_item_parts(item) or {} for item in items]
    return {key: [row.get(key) for row in rows] for key in first}


def _item_parts(item: Any) -> dict[str, Any] | None:
    """Of the answer to one input: its parts. A tuple has some where it holds texts or arrays, not plain numbers."""
    if isinstance(item, tuple) and not hasattr(item, "_fields"):
        kinds = (str, Tensor, np.ndarray)
        return {str(at): part for at, part in enumerate(item)} if any(isinstance(one, kinds) for one in item) else None
    return None if isinstance(item, list) else parts_of(item)


def _attributes(result: Any) -> dict[str, Any] | None:
    """Of an object that is none of Python's own: its logits, or all that it has with an axis."""
    if isinstance(result, int | float | complex | type | np.generic) or callable(result):
        return None
    if hasattr(result, "logits"):
        return {"logits": result.logits}
    own = {key: value for key, value in getattr(result, "__dict__", {}).items() if not key.startswith("_")}
    plain = any(isinstance(value, Tensor | np.ndarray | list) for value in own.values())
    return own if plain else None
