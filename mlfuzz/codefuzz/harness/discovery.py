"""Where harnesses are: in the project's harnesses/, and those that travel with mlfuzz. Nothing of them is imported."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

import mlfuzz
from mlfuzz.codefuzz.harness import property_tests
from mlfuzz.codefuzz.harness.declaration import Declaration, declared, read
from mlfuzz.codefuzz.harness.sidecars import beside, is_archive, unpacked
from mlfuzz.config import Config, resolve
from mlfuzz.errors import ConfigError, MlfuzzError, TargetLoadError, UnknownNameError, suggestion

FOLDER = "harnesses"

OTHERS = (".", "fuzz", "fuzzing", "fuzzers", "tests/fuzz", "tests/fuzzing", "test/fuzz")
"""Where other projects keep theirs, in files with "fuzz" in their names: those that are harnesses are taken."""

_PACKAGE = Path(mlfuzz.__file__).resolve().parent
_SHIPPED = (_PACKAGE / "_harnesses", _PACKAGE.parent / FOLDER)
"""In an installed wheel; in a checkout."""
_CORPORA = (_PACKAGE / "_corpus", _PACKAGE.parent / "corpus")


@dataclass(frozen=True, slots=True)
class Harness:
    """A declaration, and the folder that its paths start at.

    load: how findings name it, "harnesses/wav_scipy.py:fuzz" from the project's folder. shipped: it is mlfuzz's own.
    notes: in sentences, what of the files beside it is not heeded.
    """

    declaration: Declaration
    project: Path
    load: str
    shipped: bool = False
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.declaration.name

    @property
    def path(self) -> Path:
        return Path(self.declaration.path)

    def seed_files(self) -> list[Path]:
        """Its seeds, by name; [] where it has none. An archive is unpacked in the project's folder of campaigns.

        Raises TargetLoadError where its folder of seeds is missing.
        """
        if not self.declaration.seeds:
            return []
        place = self.project / self.declaration.seeds
        if not place.exists():
            raise TargetLoadError(f"harness {self.name}: its seeds {place} are not there")
        if is_archive(place):
            return unpacked(place, resolve(self.project).state_dir)
        return [place] if place.is_file() else sorted(path for path in place.rglob("*") if _is_input(path))


@dataclass(frozen=True, slots=True)
class Unusable:
    """A file under harnesses/ that is none, and why."""

    path: Path
    reason: str


def at(path: Path, project: Path) -> Harness:
    """The harness in a file, as the project's configuration has it. Raises TargetLoadError, ConfigError."""
    return _at(path, project, resolve(project).config)


def test_at(typed: str, project: Path) -> Harness:
    """A test of Hypothesis, "tests/test_x.py::test_prop". Raises TargetLoadError, UnknownNameError, ConfigError."""
    configured = resolve(project).config
    named = property_tests.called(typed, configured.harnesses)
    return _test(property_tests.declaration(typed, project, name=named), project, configured)


def _test(declaration: Declaration, project: Path, configured: Config) -> Harness:
    return _placed(_with(_beside(declaration, _usual(configured)), configured.harnesses), project)


def _at(path: Path, project: Path, configured: Config) -> Harness:
    sidecars = beside(path.resolve())
    declaration = _beside(read(path.resolve()), {**_usual(configured), **sidecars.settings})
    return _placed(_with(declaration, configured.harnesses), project, sidecars.notes)


def _usual(configured: Config) -> dict[str, Any]:
    """What the project says of every input."""
    return {"seconds": configured.fuzz.input_timeout} if configured.fuzz.input_timeout else {}


def _placed(declaration: Declaration, project: Path, notes: tuple[str, ...] = ()) -> Harness:
    path = Path(declaration.path)
    shipped = any(path.resolve().is_relative_to(place) for place in _SHIPPED)
    folder = project.resolve()
    inside = path.resolve().is_relative_to(folder)
    where = path.resolve().relative_to(folder).as_posix() if inside else f"{FOLDER}/{path.name}"
    if shipped:
        declaration = _located(declaration)
    elif not inside:
        where = str(path.resolve())
    return Harness(declaration, project, property_tests.load_of(declaration, where), shipped, notes)


def _beside(declaration: Declaration, settings: Mapping[str, Any]) -> Declaration:
    """With what the project says of all, and what lies beside the file, where it says nothing of that itself."""
    plain = Declaration(name=declaration.name)
    fresh = {key: one for key, one in settings.items() if getattr(declaration, key) == getattr(plain, key)}
    return msgspec.structs.replace(declaration, **fresh)


def listed(project: Path) -> list[Harness | Unusable]:
    """Those of the project, then the shipped ones that none of the project hides; by file name."""
    found: list[Harness | Unusable] = []
    names: set[str] = set()
    configured = resolve(project).config
    for path in _files(project):
        try:
            harness = _at(path, project, configured)
        except MlfuzzError as error:
            found.append(Unusable(path, str(error)))
            continue
        if harness.name not in names:
            names.add(harness.name)
            found.append(harness)
    tests = [_test(one, project, configured) for one in property_tests.configured(configured.harnesses, project)]
    return [*tests, *found]


def inside(folder: Path, project: Path) -> list[Harness]:
    """The harnesses in a folder; where itself holds none, those in the folders of it that usually do.

    Raises TargetLoadError where there are none; ConfigError.
    """
    configured = resolve(project).config
    direct = [path for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]
    package = folder / "__main__.py"
    for files in (direct, [package] if package.is_file() else [], _elsewhere(folder, (FOLDER, *OTHERS[1:]))):
        found = [_at(path, project, configured) for path in files if _is_harness(path)]
        if found:
            return found
    raise TargetLoadError(
        f"{folder}: no harness is in it; one is a file with TestOneInput(data) and atheris.Setup, or what "
        "mlfuzz harness new NAME writes"
    )


def find(typed: str, project: Path) -> Harness:
    """The harness of that name or file, or of a finding's `load`.

    Raises UnknownNameError with the nearest name; TargetLoadError, ConfigError for a file that is none.
    """
    if property_tests.names_one(typed):
        return test_at(typed, project)
    where = typed.partition(":")[0]
    for path in (Path(where), project / where):
        if where.endswith(".py") and path.is_file():
            return at(path, project)
    stem = Path(where).stem if where.endswith(".py") else where
    every = listed(project)
    for one in every:
        if isinstance(one, Harness) and stem in (one.name, one.path.stem):
            return one
    for one in every:
        if isinstance(one, Unusable) and stem == one.path.stem:
            raise TargetLoadError(one.reason)
    raise UnknownNameError("harness", typed, [one.name for one in every if isinstance(one, Harness)])


def shipped(name: str) -> Harness:
    """One that travels with mlfuzz, whatever a project has. Raises UnknownNameError."""
    found = {path.stem: path for folder in reversed(_SHIPPED) for path in folder.glob("[a-z]*.py")}
    if name not in found:
        raise UnknownNameError("shipped harness", name, found)
    return _at(found[name], found[name].parent, Config())


def _with(declaration: Declaration, configured: Mapping[str, Any]) -> Declaration:
    """What [harnesses.NAME] of the configuration says goes before the literal; plain atheris files have none.

    Raises ConfigError for a key or value that is not understood.
    """
    changes = property_tests.with_changes(declaration, configured.get(declaration.name, {}))
    if not changes:
        return declaration
    where = f"[harnesses.{declaration.name}]"
    if not isinstance(changes, Mapping):
        raise ConfigError(f"{where} is a table, not {changes!r}")
    settable = set(Declaration.__struct_fields__) - {"name", "path", "entry"}
    if unknown := sorted(set(changes) - settable):
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}{suggestion(unknown[0], settable)}")
    return declared({**msgspec.to_builtins(declaration), **changes}, where)


def module(where: str) -> ModuleType:
    """A shipped harness, imported: for scripts that show a finding. Raises UnknownNameError.

    By its name alone: whatever lies in the current folder, a script that says "comes with mlfuzz" runs none of it.
    """
    stem = Path(where.partition(":")[0]).stem
    shipped = {path.stem: path for folder in reversed(_SHIPPED) for path in folder.glob("[a-z]*.py")}
    if stem not in shipped:
        raise UnknownNameError("shipped harness", where, shipped)
    spec = importlib.util.spec_from_file_location(stem, shipped[stem])
    if spec is None or spec.loader is None:
        raise TargetLoadError(f"{shipped[stem]} is no Python file")
    imported = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(imported)
    return imported


def _files(project: Path) -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in (project / FOLDER, *_SHIPPED):
        for path in sorted(folder.glob("*.py")) if folder.is_dir() else ():
            if not path.name.startswith("_") and path.resolve() not in seen:
                seen.add(path.resolve())
                yield path
        if folder == project / FOLDER:
            for path in _elsewhere(project, OTHERS):
                if path.resolve() not in seen and _is_harness(path):
                    seen.add(path.resolve())
                    yield path


def _elsewhere(project: Path, folders: Iterable[str]) -> Iterator[Path]:
    for name in folders:
        yield from sorted(path for path in (project / name).glob("*.py") if "fuzz" in path.stem)


def _is_harness(path: Path) -> bool:
    """False for a module beside harnesses; what is wrong in a harness's own literal is told when it is read."""
    try:
        read(path)
    except TargetLoadError:
        return False
    except ConfigError:
        return True
    return True


def _located(declaration: Declaration) -> Declaration:
    """A shipped harness's seeds and dictionary lie where mlfuzz's own corpus lies, whatever the project."""
    return msgspec.structs.replace(
        declaration, seeds=_shipped(declaration.seeds), dictionary=_shipped(declaration.dictionary)
    )


def _shipped(text: str) -> str:
    parts = Path(text).parts
    places = [place.joinpath(*parts[1:]) for place in _CORPORA] if parts[:1] == ("corpus",) else []
    places += [place / text for place in (_PACKAGE.parent,)] if text else []
    return next((str(place) for place in places if place.exists()), text)


def _is_input(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.name.upper() not in _NOTES


_NOTES = frozenset({"README", "README.MD", "README.TXT", "LICENSE", "LICENSE.TXT", "SOURCES.MD", "NOTICE"})
