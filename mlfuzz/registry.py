"""Names of parts: what mlfuzz ships, what plugins add, and the nearest name for a wrong one."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mlfuzz.errors import ConfigError, PluginError, UnknownNameError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")

FORMER = {"mlfuzz.coverage_criteria": "mlfuzz.coverage_criterions", "mlfuzz.modalities": "mlfuzz.modalitys"}
"""Entry-point groups that had another name once, and that name: still read, see `outdated`."""


class Registry(Generic[T]):
    """Name -> part. Nothing is imported until a name is looked up.

    kind: the word in messages ("mutator"); plural: of several, where an s does not make it.
    shipped: modules whose import registers mlfuzz's own parts. Other distributions add theirs through the entry-point
    group `mlfuzz.<plural>`, a project through `plugins = ["module"]` in its configuration.
    declared: what the parts of another registry bring along, name -> "module", whose import registers it, or
    "module:attribute", the part itself; asked anew for each name that is not known, as plugins may come later.
    """

    def __init__(
        self, kind: str, *, plural: str = "", shipped: Sequence[str] = (),
        declared: Callable[[], Mapping[str, str]] = dict,
    ) -> None:  # fmt: skip
        self.kind, self.plural = kind, plural or f"{kind}s"
        self._shipped = tuple(shipped)
        self._declared = declared
        self._imported: set[tuple[str, str]] = set()
        self._parts: dict[str, T] = {}
        self._loaded = False

    def add(self, name: str, part: T) -> T:
        """Register `part`. Raises PluginError where the name is taken by another part."""
        if name in self._parts and self._parts[name] is not part:
            raise PluginError(f"two {self.plural} are called {name!r}; give one of them another name")
        self._parts[name] = part
        return part

    def get(self, name: str) -> T:
        """The part of that name. Raises UnknownNameError with the nearest name."""
        if name not in self._parts:
            self._load()
        if name not in self._parts and _offered:
            import_plugins(*_offered[-1])
            self._load()
        try:
            return self._parts[name]
        except KeyError:
            raise UnknownNameError(self.kind, name, self._parts) from None

    def names(self) -> list[str]:
        self._load()
        return sorted(self._parts)

    def __iter__(self) -> Iterator[T]:
        return iter([self._parts[name] for name in self.names()])

    def _load(self) -> None:
        if not self._loaded:
            self._loaded = True
            self._load_shipped()
        for name, where in self._declared().items():
            if (name, where) not in self._imported:
                self._imported.add((name, where))
                self._load_declared(name, where)

    def _load_declared(self, name: str, where: str) -> None:
        module, colon, attribute = where.partition(":")
        try:
            found = importlib.import_module(module)
            if colon:
                self.add(name, getattr(found, attribute))
        except (ImportError, AttributeError) as error:
            raise PluginError(f"the {self.kind} of {name}, {where}, does not load: {error}") from error

    def _load_shipped(self) -> None:
        for module in self._shipped:
            importlib.import_module(module)
        for point in _entry_points(f"mlfuzz.{self.plural.replace(' ', '_')}"):
            try:
                part = point.load()
                if getattr(self._parts.get(point.name), "function", None) is not part:  # else its decorator added it
                    self.add(point.name, part)
            except Exception as error:
                raise PluginError(f"plugin {point.name!r} of {_origin(point)} does not load: {error}") from error


def made(registry: Registry[Callable[..., T]], description: Mapping[str, Any], **offered: Any) -> T:
    """The part that `{"name": ..., arguments}` stands for.

    offered: told to factories that take an argument of that name, kept from the others.
    Raises UnknownNameError, ConfigError for arguments that it does not take.
    """
    arguments = dict(description)
    name = str(arguments.pop("name"))
    factory = registry.get(name)
    taken = inspect.signature(factory).parameters
    anything = any(one.kind is one.VAR_KEYWORD for one in taken.values())
    arguments = {key: value for key, value in offered.items() if anything or key in taken} | arguments
    kinds = registry.kind.rpartition(" ")[0] or registry.plural
    try:
        inspect.signature(factory).bind(**arguments)
    except TypeError as error:
        raise ConfigError(f"{registry.kind} {name}: {error}; mlfuzz list {kinds} tells its arguments") from error
    return built(factory, arguments, f"{registry.kind} {name}", kinds)


def built(factory: Callable[..., T], arguments: Mapping[str, Any], what: str, listed: str) -> T:
    """What a part's factory makes of arguments that it takes by name.

    Raises ConfigError where it makes nothing of their values: a text for a number, a bound below zero.
    """
    try:
        return factory(**arguments)
    except (TypeError, ValueError) as error:
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        raise ConfigError(
            f"{what} makes nothing of {given}: {error}; mlfuzz list {listed} tells its arguments"
        ) from error


_offered: list[tuple[tuple[str, ...], Path]] = []


def offer_plugins(modules: Sequence[str], directory: Path) -> None:
    """A project's plugins, for a process that may do without: imported once a name is asked for that is not known."""
    _offered[:] = [(tuple(modules), directory)] if modules else []


def import_plugins(modules: Sequence[str], directory: Path) -> None:
    """Import the modules of `plugins = [...]`; their decorators register what they define.

    directory: the project's, put on the import path first. Raises PluginError naming the module that does not import.
    """
    if modules and str(directory.resolve()) not in sys.path:
        sys.path.insert(0, str(directory.resolve()))
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:
            raise PluginError(f"plugin {module!r} does not import: {type(error).__name__}: {error}") from error


@contextmanager
def importable(directory: Path) -> Iterator[None]:
    """Within, modules of that folder are found first; sys.path belongs to the process, and is without it afterwards."""
    entry = str(directory.resolve())
    added = entry not in sys.path
    if added:
        sys.path.insert(0, entry)
    try:
        yield
    finally:
        if added and entry in sys.path:
            sys.path.remove(entry)


def outdated() -> list[str]:
    """What distributions declare under a group's former name: a sentence for each, with the line to write instead."""
    return [text for group in FORMER for text in _advice(group, _formerly(group))]


def _entry_points(group: str) -> list[EntryPoint]:
    """What distributions declare in a group, under its former name too.

    Logged, not warned of: a user's own tests may turn warnings into errors, and the distribution is not theirs.
    """
    import logging
    from importlib.metadata import entry_points  # costs 0.1 s: only a look-up by name pays it

    formerly = _formerly(group)
    for text in _advice(group, formerly):
        logging.getLogger("mlfuzz").warning(text)
    return [*entry_points(group=group), *formerly]


def _formerly(group: str) -> list[EntryPoint]:
    """What is declared under the former name alone; one that serves older versions too has it under both."""
    from importlib.metadata import entry_points

    if group not in FORMER:
        return []
    now = {(point.name, point.value) for point in entry_points(group=group)}
    return [point for point in entry_points(group=FORMER[group]) if (point.name, point.value) not in now]


def _advice(group: str, points: Sequence[EntryPoint]) -> Iterator[str]:
    for origin in dict.fromkeys(_origin(point) for point in points):
        yield (
            f"{origin} declares entry points in the group {FORMER[group]}, which is called {group} now; they are still "
            f'read, but its pyproject.toml should say [project.entry-points."{group}"]'
        )


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value
