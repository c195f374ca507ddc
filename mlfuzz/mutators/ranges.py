"""Operators that are narrowed: their parameters are drawn from a part of what they declare."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from mlfuzz.errors import ConfigError, suggestion
from mlfuzz.mutators.base import Mutator
from mlfuzz.mutators.param import Choice, Integer, LogReal, Param, Real

Asked: TypeAlias = Mapping[str, Mapping[str, Sequence[Any]]]
"""Operator -> parameter -> [low, high], or of words the list of those that may be drawn."""


def narrowed(parts: Sequence[Mutator], asked: Asked) -> list[Mutator]:
    """The operators with their ranges narrowed; name, effect and what a step records stay.

    A severity is a share of the narrowed range: its end counts 1. What limits make milder goes towards the neutral
    value, so a range holds it, or the end that is nearest to it. Raises ConfigError with the line to write: for an
    operator that is not among them, a parameter that it does not have, and a range that is none, reaches beyond what
    is declared or lacks the neutral value.
    """
    known = {part.name: part for part in parts}
    for name in asked:
        if name not in known:
            raise ConfigError(
                f"ranges: {name!r} is not among the operators of this target{suggestion(name, known)}; leave its range"
                f' out, or have it used: mutators = {{ include = ["default", "{name}"] }}'
            )
    return [_narrowed(part, asked[part.name]) if part.name in asked else part for part in parts]


def declared(part: Mutator) -> dict[str, list[Any]]:
    """Parameter -> [low, high] that it is drawn from, or its words; without those that cannot be narrowed."""
    return {name: whole for name, param in part.space.items() if (whole := _declared(param))}


def declared_line(part: Mutator) -> str:
    """`"image.rotate" = { degrees = [-30, 30] }`, to be pasted and made narrower; "" where nothing can be."""
    ranges = [f"{name} = {_written(whole)}" for name, whole in declared(part).items()]
    return f'"{part.name}" = {{ {", ".join(ranges)} }}' if ranges else ""


def declared_text(part: Mutator) -> str:
    """ "degrees -30 to 30": what the parameters are drawn from, for people; what is drawn as noise is not told."""
    texts = []
    for name, param in part.space.items():
        whole = _declared(param)
        if param.unit == "seed" and not whole:
            continue
        span = "|".join(map(str, whole)) if isinstance(param, Choice) else " to ".join(f"{each:g}" for each in whole)
        unit = f"({param.unit})" if param.unit else ""
        texts.append(" ".join(text for text in (name, span, unit) if text))
    return ", ".join(texts)


def _narrowed(part: Mutator, asked: Mapping[str, Sequence[Any]]) -> Mutator:
    if not isinstance(asked, Mapping) or not asked:
        raise ConfigError(f"ranges: {part.name} takes a table of its parameters; write {_example(part)}")
    space = dict(part.space)
    for key, value in asked.items():
        name = key.replace("-", "_")
        if name not in space or not _declared(space[name]):
            can = [each for each, param in space.items() if _declared(param)]
            raise ConfigError(
                f"ranges: {part.name} has no parameter {key!r} with a range{suggestion(key, can)};"
                f" write {_example(part)}"
            )
        space[name] = _within(part, name, space[name], value)
    return replace(part, space=space)


def _within(part: Mutator, name: str, param: Param, value: Any) -> Param:
    whole, where = _declared(param), f"ranges: {part.name}: {name}"
    example = f'write "{part.name}" = {{ {name} = {_written(whole)} }}, or less of it'
    values = list(value) if isinstance(value, list | tuple) else []
    if isinstance(param, Choice):
        unknown = [each for each in values if each not in param.values]
        if not values or unknown:
            raise ConfigError(f"{where} = {value!r} is not a list of some of its values; {example}")
        if param.neutral is not None and set(values) == {param.neutral}:
            raise ConfigError(f"{where} = {_written(values)} changes nothing; {_left_out(part)}")
        return replace(param, values=tuple(each for each in param.values if each in values))
    assert isinstance(param, Real | LogReal | Integer)
    kinds: tuple[type, ...] = (int,) if isinstance(param, Integer) else (int, float)
    if len(values) != 2 or not all(isinstance(each, kinds) and not isinstance(each, bool) for each in values):
        what = "two whole numbers" if kinds == (int,) else "two numbers"
        raise ConfigError(f"{where} = {value!r} is not {what}, the least and the most; {example}")
    low, high = values
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ConfigError(f"{where} = {_written(values)} is not a range, the least first; {example}")
    if low < param.low or high > param.high:
        raise ConfigError(f"{where} = {_written(values)} reaches beyond {_written(whole)}{_unit(param)}; {example}")
    if param.neutral is not None:
        mildest = min(max(param.neutral, param.low), param.high)
        if not low <= mildest <= high:
            near = [min(low, mildest), max(high, mildest)]
            raise ConfigError(
                f"{where} = {_written(values)} leaves out {mildest:g}, which changes least and which limits go back to;"
                f' write "{part.name}" = {{ {name} = {_written(near)} }}'
            )
        if low == high == param.neutral and len(_scaled(part)) == 1:
            raise ConfigError(f"{where} = {_written(values)} changes nothing; {_left_out(part)}")
    return replace(param, low=low, high=high)


def _declared(param: Param) -> list[Any]:
    """What it is drawn from; [] where that cannot be narrowed."""
    if isinstance(param, Choice):
        return list(param.values)
    return [param.low, param.high] if isinstance(param, Real | LogReal | Integer) else []


def _scaled(part: Mutator) -> list[Param]:
    return [each for each in part.space.values() if _declared(each) and each.neutral is not None]


def _example(part: Mutator) -> str:
    return declared_line(part) or _left_out(part)


def _left_out(part: Mutator) -> str:
    return f'to do without it write mutators = {{ exclude = ["{part.name}"] }}'


def _unit(param: Param) -> str:
    return f" {param.unit}" if param.unit else ""


def _written(values: Sequence[Any]) -> str:
    """As TOML has it."""
    return "[" + ", ".join(f'"{each}"' if isinstance(each, str) else f"{each:g}" for each in values) + "]"
