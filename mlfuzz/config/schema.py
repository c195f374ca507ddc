"""Nested tables <-> flat leaves: {("fuzz", "time"): 600.0}.

A leaf is the unit that a flag, a variable or a file sets; a table such as `coverage` is one leaf.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from mlfuzz.budget import count, duration, size, until
from mlfuzz.config.settings import NAMED, Config, Selection
from mlfuzz.decoding import toml_table
from mlfuzz.errors import ConfigError, MlfuzzError, suggestion

Path: TypeAlias = tuple[str, ...]
Leaves: TypeAlias = dict[Path, Any]
S = TypeVar("S", bound=Struct)

NO_LIMIT = "none"
"""How a limit is lifted in a file or a flag; TOML has no null."""


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a table. inner: the table it holds, if any; named: whether that table is one of many, by name.

    flag, option: what the help of `mlfuzz fuzz` says of it and what it is called there, where it is an option.
    """

    name: str
    kind: Any
    inner: type[Struct] | None
    named: bool
    reader: str
    meaning: str
    default: Any
    flag: str = ""
    option: str = ""


def dotted(path: Path) -> str:
    """ "fuzz.max-findings", as it is written in TOML."""
    return ".".join(written(path))


def written(path: Path) -> Path:
    """The keys with dashes; the names that users gave stay as they are."""
    return tuple(part if at == 1 and path[0] in NAMED else part.replace("_", "-") for at, part in enumerate(path))


@cache
def fields(table: type[Struct]) -> dict[str, Field]:
    """The keys of a table, in the order they are declared, or as the table says it (`shown`)."""
    hints = typing.get_type_hints(table, include_extras=True)
    place = {name: at for at, name in enumerate(getattr(table, "shown", ()))}
    infos = sorted(msgspec.structs.fields(table), key=lambda info: place.get(info.name, len(place)))
    return {info.name: _field(info, hints[info.name]) for info in infos}


def options(table: type[Struct], *, at: Path = ()) -> Iterator[tuple[Path, Field]]:
    """The leaves of a table that are options of `mlfuzz fuzz`."""
    for field in fields(table).values():
        if field.flag:
            yield (*at, field.name), field
        elif field.inner is not None and not field.named:
            yield from options(field.inner, at=(*at, field.name))


def flatten(table: type[Struct], raw: Mapping[str, Any], origin: str, *, at: Path = (), lax: bool = False) -> Leaves:
    """Leaves of a table as it was read. lax: values may be strings, as the environment and flags give them.

    Raises ConfigError for an unknown key or an unfit value: `origin`, the dotted key, and the nearest known one.
    """
    known = fields(table)
    leaves: Leaves = {}
    for key, value in raw.items():
        name = key.replace("-", "_")
        if name not in known:
            near = suggestion(key, [field.replace("_", "-") for field in known])
            if table is Selection and "." in key:
                where = dotted((*at, "ranges"))
                near = f'; to narrow an operator write [{where}] "{key}" = {{ PARAMETER = [LOW, HIGH] }}'
            raise ConfigError(f"{origin}: unknown key {dotted((*at, key))!r}{near}")
        leaves.update(_flatten_value(known[name], value, origin, (*at, name), lax))
    return leaves


def unflatten(table: type[S], leaves: Mapping[Path, Any]) -> S:
    """The table that has these leaves; what is missing has its default."""
    values: dict[str, Any] = {}
    for field in fields(table).values():
        own = {path[1:]: value for path, value in leaves.items() if path[0] == field.name}
        if not own:
            continue
        if field.inner is None:
            values[field.name] = own[()]
        elif field.named:
            names = dict.fromkeys(path[0] for path in own)
            values[field.name] = {name: unflatten(field.inner, _below(own, name)) for name in names}
        else:
            values[field.name] = unflatten(field.inner, own)
    return table(**values)


def leaves_of(table: Struct, *, at: Path = ()) -> Leaves:
    """Every leaf of a table, defaults included."""
    leaves: Leaves = {}
    for field in fields(type(table)).values():
        value, path = getattr(table, field.name), (*at, field.name)
        if field.inner is None:
            leaves[path] = value
        elif field.named:
            for name, one in value.items():
                leaves.update(leaves_of(one, at=(*path, name)))
        else:
            leaves.update(leaves_of(value, at=path))
    return leaves


def single_leaves(table: type[Struct], *, at: Path = ()) -> Iterator[tuple[Path, Field]]:
    """The leaves that exist whatever names are given: those a variable of the environment can set."""
    for field in fields(table).values():
        if field.inner is None:
            yield (*at, field.name), field
        elif not field.named:
            yield from single_leaves(field.inner, at=(*at, field.name))


def meaning(path: Path, *, table: type[Struct] = Config) -> str:
    """What the settings say of a leaf."""
    return _leaf(table, path).meaning


def default_of(path: Path, *, table: type[Struct] = Config) -> Any:
    """A leaf's default."""
    return _leaf(table, path).default


def _leaf(table: type[Struct], path: Path) -> Field:
    field = fields(table)[path[0]]
    return field if field.inner is None else _leaf(field.inner, path[2:] if field.named else path[1:])


def _flatten_value(field: Field, value: Any, origin: str, path: Path, lax: bool) -> Leaves:
    if field.inner is None:
        return {path: _convert(field, value, f"{origin}: {dotted(path)}", lax)}
    if field.inner is Selection and isinstance(value, str | list | tuple):
        value = {"include": value}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{origin}: {dotted(path)} is a table, not {value!r}")
    if not field.named:
        return flatten(field.inner, value, origin, at=path, lax=lax)
    leaves: Leaves = {}
    for name, one in value.items():
        if not isinstance(one, Mapping):
            raise ConfigError(f"{origin}: {dotted((*path, name))} is a table, not {one!r}")
        leaves.update(flatten(field.inner, one, origin, at=(*path, name), lax=lax))
    return leaves


def _convert(field: Field, value: Any, where: str, lax: bool) -> Any:
    try:
        if isinstance(value, str):
            value.encode()  # what is kept of it goes into TOML, which has no bytes that are no text
        if lax and isinstance(value, str) and holds(field.kind, tuple):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if value == NO_LIMIT and field.reader and holds(field.kind, types.NoneType):
            return None
        return msgspec.convert(_READERS[field.reader](value), field.kind, strict=not lax)
    except UnicodeEncodeError as error:
        raise ConfigError(f"{where}: {value!a} is no UTF-8") from error
    except (msgspec.ValidationError, MlfuzzError) as error:
        raise ConfigError(f"{where}: {str(error).replace(' - at `$`', '')}") from error


def _part(value: Any, *, bare: str = "") -> Any:
    """ "novelty", "novelty:radius=0.3,features=logits", or a table with a name. bare: key of a lone first value."""
    if isinstance(value, str):
        name, _, arguments = value.partition(":")
        texts = [text for text in arguments.split(",") if text]
        if bare and texts and "=" not in texts[0]:
            texts[0] = f"{bare}={texts[0]}"
        return {"name": name.strip(), **_table(dict(_argument(text) for text in texts))}
    if not isinstance(value, Mapping):
        return value
    if not isinstance(value.get("name"), str):
        raise ConfigError('a table {name = "...", ...} needs its name')
    return _table(value)


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"{text!r} is no argument; write NAME:key=value,key=value")
    try:
        return name.strip(), toml_table(f"value = {value}")["value"]
    except ValueError:
        return name.strip(), value.strip()


def _table(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key.replace("-", "_"): item for key, item in value.items()}


def parts(value: Any) -> Any:
    """Oracles as they are written: "label", "differ:bf16" (short for differ:of=bf16), tables."""
    return [_part(item, bare="of") for item in value] if isinstance(value, list | tuple) else value


def _unless(words: tuple[str, ...], reader: Callable[[str], float]) -> Callable[[Any], Any]:
    return lambda value: reader(value) if isinstance(value, str) and value not in words else value


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "": lambda value: value,
    "duration": _unless((), duration),
    "count": _unless(("auto",), count),
    "size": _unless((), size),
    "until": _unless((), until),
    "part": _part,
    "parts": parts,
    "table": lambda value: _table(value) if isinstance(value, Mapping) else value,
    "names": lambda value: value,
}


def _field(info: msgspec.structs.FieldInfo, hint: Any) -> Field:
    notes = list(_notes(hint))
    extra = {key: value for note in notes for key, value in (note.extra or {}).items()}
    text = next((note.description for note in notes if note.description), "")
    default = info.default if info.default is not msgspec.NODEFAULT else info.default_factory()  # type: ignore[operator, unused-ignore]
    kinds = [kind for kind in _kinds(hint) if isinstance(kind, type)]
    inner = next((kind for kind in kinds if issubclass(kind, Struct)), None)
    return Field(
        info.name, hint, inner, inner is not None and dict in kinds, extra.get("reader", ""), text, default,
        (extra["flag"] or f"{text[:1].upper()}{text[1:]}.") if "flag" in extra else "", extra.get("named") or info.name,
    )  # fmt: skip


def _notes(hint: Any) -> Iterator[Meta]:
    for note in getattr(hint, "__metadata__", ()):
        if isinstance(note, Meta):
            yield note
    for argument in typing.get_args(hint):
        yield from _notes(argument)


def _kinds(hint: Any) -> Iterator[Any]:
    origin = typing.get_origin(hint)
    if origin is None:
        yield hint
    elif origin is typing.Annotated:
        yield from _kinds(typing.get_args(hint)[0])
    else:
        if origin not in (typing.Union, types.UnionType):
            yield origin
        for argument in typing.get_args(hint):
            yield from _kinds(argument)


def holds(hint: Any, kind: type) -> bool:
    return kind in list(_kinds(hint))


def _below(leaves: Mapping[Path, Any], name: str) -> Leaves:
    return cast(Leaves, {path[1:]: value for path, value in leaves.items() if path[0] == name})
