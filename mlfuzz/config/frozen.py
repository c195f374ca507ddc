"""campaign.toml: the configuration a campaign was started with, and what it was started on; and TOML written out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from mlfuzz.config.schema import NO_LIMIT, default_of, flatten, leaves_of, unflatten, written
from mlfuzz.config.settings import Config
from mlfuzz.decoding import toml_table
from mlfuzz.errors import ConfigError

FACTS = "made-with"
"""The table of campaign.toml that is no configuration: versions and digests."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def freeze(config: Config, *, facts: Mapping[str, str] | None = None) -> str:
    """The text of campaign.toml: every value, defaults included. facts: versions and digests, for people and checks."""
    nested: dict[str, Any] = {}
    for path, value in leaves_of(config).items():
        *parents, key = written(path)
        table = nested
        for part in parents:
            table = table.setdefault(part, {})
        if value is not None or default_of(path) is not None:
            table[key] = NO_LIMIT if value is None else value
    head = "# What this campaign was started with. It resumes with this; flags that differ need --adopt.\n"
    return head + dump({**nested, **({FACTS: dict(facts)} if facts else {})})


def thaw(text: str, origin: str = "campaign.toml") -> Config:
    """The configuration that was frozen. Raises ConfigError where it was edited into something else."""
    return unflatten(Config, flatten(Config, raw_of(text, origin), origin))


def facts_of(text: str, origin: str = "campaign.toml") -> dict[str, str]:
    """The versions and digests that were frozen beside the configuration."""
    return {key: str(value) for key, value in _toml(text, origin).get(FACTS, {}).items()}


def raw_of(text: str, origin: str) -> dict[str, Any]:
    """The configuration's part of campaign.toml, unchecked."""
    return {key: value for key, value in _toml(text, origin).items() if key != FACTS}


def dump(table: Mapping[str, Any]) -> str:
    """A nested mapping as TOML: strings, numbers, booleans, lists and tables; None is left out."""
    return "\n".join(_lines(table, ())).strip("\n") + "\n"


def _toml(text: str, origin: str) -> dict[str, Any]:
    try:
        return toml_table(text)
    except ValueError as error:
        raise ConfigError(f"{origin}: {error}") from error


def _lines(table: Mapping[str, Any], at: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in table.items() if value is not None and not _is_table(value)}
    lines = [f"{_name(key)} = {_value(value)}" for key, value in plain.items()]
    if at and (lines or not table):
        lines.insert(0, f"\n[{'.'.join(map(_name, at))}]")
    for key, value in table.items():
        if _is_table(value):
            lines += _lines(value, (*at, key))
    return lines


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _name(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf") if math.isinf(value) else repr(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{_name(key)} = {_value(item)}" for key, item in value.items() if item is not None) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    raise ConfigError(f"a {type(value).__name__} cannot be written as TOML: {value!r}")


def _text(text: str) -> str:
    """A basic string: quotes, backslashes and control characters escaped, as TOML asks."""
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or 0x202A <= ord(char) <= 0x202E:
            out.append(f"\\u{ord(char):04X}")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'
