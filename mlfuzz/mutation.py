"""What was done to an input: one operator with its recorded parameters, and the chain of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

Value: TypeAlias = float | int | str | list[Any]
"""A number, a string or a list of them; one kind of list, since msgspec reads no union of several."""


class Mutation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One operator with the parameters of one row: enough to give the same child bits again.

    name: "image.rotate". params: as recorded (floats are float32 values, so JSON keeps them exactly).
    version: the operator's; one whose behaviour changed refuses to replay an older version as its own.
    """

    name: str
    params: dict[str, Value] = {}
    version: int = 1


SHOWN_EDITS = 3

BLOB = "blob"
"""The parameter that names stored content by its digest."""

WHOLE_FROM = 1000
"""From here on digits behind the point tell nothing."""

HIDDEN = ("seed", "blob")
"""Units of parameters that tell people nothing."""

Chain: TypeAlias = tuple[Mutation, ...]
"""From a seed to an input; () is the seed itself."""


def blobs_of(chain: Chain) -> tuple[str, ...]:
    """Digests of the stored content that a chain puts in place, each once."""
    return tuple(dict.fromkeys(str(step.params[BLOB]) for step in chain if BLOB in step.params))


def sentence(chain: Chain, units: Mapping[str, Mapping[str, str]]) -> str:
    """The chain in words: "rotate 7.3 degrees, then blur 1.3 px".

    units: operator -> parameter -> unit, as the mutators declare them; what is not there is shown bare.
    """
    return ", then ".join(_phrase(mutation, units.get(mutation.name, {})) for mutation in chain) or "unchanged seed"


def _phrase(mutation: Mutation, units: Mapping[str, str]) -> str:
    words = [mutation.name.partition(".")[2].replace("_", " ")]
    if edits := _edits(mutation.params):
        return f"{words[0]} {edits}"
    shown = {name: value for name, value in mutation.params.items() if units.get(name) not in HIDDEN}
    for name, value in shown.items():
        text = _number(value) if isinstance(value, float) else _short(value)
        unit = units.get(name, "")
        label = "" if len(shown) == 1 else f"{name} "
        words.append(f"{label}{text}{' ' + unit if unit else ''}")
    return words[0] if len(words) == 1 else f"{words[0]} {', '.join(words[1:])}"


def _number(value: float) -> str:
    """Three digits; nobody reads 1.8e+03 Hz."""
    return f"{value:.0f}" if abs(value) >= WHOLE_FROM else f"{value:.3g}"


def _edits(params: Mapping[str, Value]) -> str:
    """Edits of a text, "'This' -> 'tHIS', and 2 more"; "" where the parameters are none.

    How they were drawn matters less. What cannot be seen is written out, and so are new letters beyond ASCII: a
    look-alike would not be told apart.
    """
    old, new = params.get("old"), params.get("new")
    if not isinstance(old, list) or not isinstance(new, list) or len(old) != len(new) or not old:
        return ""
    pairs = [(str(a), str(b)) for a, b in zip(old, new, strict=True)][:SHOWN_EDITS]
    edits = [f"{_cut(repr(a))} -> {_cut(_spelt(b, a))}" for a, b in pairs]
    more = f", and {len(old) - SHOWN_EDITS} more" if len(old) > SHOWN_EDITS else ""
    return ", ".join(edits) + more


def _spelt(text: str, known: str) -> str:
    return "".join(char if char.isascii() or char in known else ascii(char)[1:-1] for char in repr(text))


def _cut(text: str) -> str:
    return text if len(text) <= 24 else text[:20] + "...'"


def _short(value: Value) -> str:
    text = ascii(value) if isinstance(value, str | list) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
