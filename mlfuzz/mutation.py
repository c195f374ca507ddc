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


Chain: TypeAlias = tuple[Mutation, ...]
"""From a seed to an input; () is the seed itself."""


def sentence(chain: Chain, units: Mapping[str, Mapping[str, str]]) -> str:
    """The chain in words: "rotate 7.3 degrees, then blur 1.3 px".

    units: operator -> parameter -> unit, as the mutators declare them; what is not there is shown bare.
    """
    return ", then ".join(_phrase(mutation, units.get(mutation.name, {})) for mutation in chain) or "unchanged seed"


def _phrase(mutation: Mutation, units: Mapping[str, str]) -> str:
    words = [mutation.name.partition(".")[2].replace("_", " ")]
    shown = {name: value for name, value in mutation.params.items() if units.get(name) != "seed"}
    for name, value in shown.items():
        text = f"{value:.3g}" if isinstance(value, float) else _short(value)
        unit = units.get(name, "")
        label = "" if len(shown) == 1 else f"{name} "
        words.append(f"{label}{text}{' ' + unit if unit else ''}")
    return words[0] if len(words) == 1 else f"{words[0]} {', '.join(words[1:])}"


def _short(value: Value) -> str:
    text = ascii(value) if isinstance(value, str | list) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
