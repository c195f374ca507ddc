"""Options of a verb, made of what the configuration says of itself: a setting that is one is declared there alone."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypeVar

from cyclopts import Parameter
from msgspec import Struct

from mlfuzz.budget import in_words
from mlfuzz.config import schema
from mlfuzz.config.schema import Field

T = TypeVar("T")


def with_settings(*tables: type[Struct], order: Sequence[str]) -> Callable[[type[T]], type[T]]:
    """A dataclass of a verb's own options, with those added that the tables declare.

    order: of the options in the help; those that are not named come last.
    """

    def extended(own: type[T]) -> type[T]:
        hints = typing.get_type_hints(own, include_extras=True)
        options = [(info.name, hints[info.name], info.default) for info in dataclasses.fields(own)]  # type: ignore[arg-type]
        for table in tables:
            options += [
                (field.option, _kind(field), () if _several(field) else None) for _, field in schema.options(table)
            ]
        place = {name: at for at, name in enumerate(order)}
        options.sort(key=lambda option: place.get(option[0], len(place)))
        made = dataclasses.make_dataclass(
            own.__name__,
            [(name, kind, dataclasses.field(default=default)) for name, kind, default in options],
            kw_only=True,
            frozen=True,
        )
        made.__module__, made.__doc__ = own.__module__, own.__doc__  # cyclopts flattens none of the standard library's
        return typing.cast(type[T], made)

    return extended


def given(options: Any, table: type[Struct]) -> dict[str, Any]:
    """What was typed of the table's settings, nested as in the file; None and () where nothing was."""
    nested: dict[str, Any] = {}
    for (*above, key), field in schema.options(table):
        inner = nested
        for part in above:
            inner = inner.setdefault(part, {})
        inner[key] = getattr(options, field.option)
    return nested


def _kind(field: Field) -> Any:
    """What the command line takes: text, which the configuration reads, but for switches, choices and lists."""
    kind = typing.get_args(field.kind)[0]
    text = _with_default(field)
    if kind is bool:
        return Annotated[bool | None, Parameter(negative="", help=text)]
    if _several(field):
        return Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False, help=text)]
    return Annotated[kind if typing.get_origin(kind) is Literal else str, Parameter(help=text)] | None


def _with_default(field: Field) -> str:
    """The help, with the default that the setting declares: the option's own is that nothing was typed."""
    value = field.default
    if value in (None, "", ()) or isinstance(value, bool | tuple):
        return field.flag
    if isinstance(value, dict):
        value = value.get("name", "")
    elif field.reader == "duration":
        value = in_words(float(value)).replace(" min", "m").replace(" s", "s")
    return f"{field.flag} [default: {value}]" if value != "" else field.flag


def _several(field: Field) -> bool:
    return schema.holds(field.kind, tuple)
