"""From the name of a module, or the path of a file, to the module: the user's own before any other of that name."""

from __future__ import annotations

import configparser
import importlib
import importlib.util
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from mlfuzz.errors import TargetLoadError

EXAMPLES = "mlfuzz.examples"

OURS = "mlfuzz_found"
"""Before the name of a module of the user's that is called like one that this process has imported already."""


def module_of(name: str, directory: Path | None) -> ModuleType:
    """Imported: "package.module", or "src/package/module.py", below `directory` or the current folder.

    Raises what importing it raises, TargetLoadError for a file that is not there.
    """
    if name.endswith(".py") or "/" in name:
        return _of_file(_existing(name, directory))
    roots = list(import_roots(directory)) if directory is not None else []
    for root in reversed(roots):
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
    for root in roots:
        own = _file_below(root, name)
        if own is not None:
            return _imported(name, own)
    if "." not in name and name not in sys.modules and importlib.util.find_spec(name) is None:
        shipped = f"{EXAMPLES}.{name}"
        name = shipped if importlib.util.find_spec(shipped) is not None else name
    return importlib.import_module(name)


def import_roots(directory: Path) -> Iterator[Path]:
    """Folders that a project imports from: its own, src, and those that its pyproject.toml, or pytest's file, names."""
    named = ["", "src", *_named(directory / "pyproject.toml"), *_of_pytest(directory)]
    for folder in dict.fromkeys((directory / name).resolve() if name else directory for name in named):
        if folder.is_dir():
            yield folder


def _named(path: Path) -> Iterator[str]:
    try:
        tool = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError):  # what is wrong in it is told where the configuration is read
        return
    setuptools = tool.get("setuptools", {})
    packages = setuptools.get("packages", {})
    found: list[Any] = [tool.get("pytest", {}).get("ini_options", {}).get("pythonpath", [])]
    found.append(list(setuptools.get("package-dir", {}).values()))
    found.append(packages.get("find", {}).get("where", []) if isinstance(packages, Mapping) else [])
    for names in found:
        for name in names.split() if isinstance(names, str) else names:
            if isinstance(name, str):
                yield name


PYTEST_FILES = (
    ("pytest.ini", "pytest"),
    (".pytest.ini", "pytest"),
    ("tox.ini", "pytest"),
    ("setup.cfg", "tool:pytest"),
)


def _of_pytest(directory: Path) -> Iterator[str]:
    """pytest's pythonpath, where it does not stand in pyproject.toml."""
    for name, section in PYTEST_FILES:
        read = configparser.RawConfigParser(strict=False)
        try:
            read.read_string((directory / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, configparser.Error):  # what is wrong in it is pytest's to say
            continue
        yield from read.get(section, "pythonpath", fallback="").split()


def _existing(name: str, directory: Path | None) -> Path:
    places = [path / name for path in (directory, Path.cwd()) if path is not None]
    for path in places:
        if path.is_file():
            return path.resolve()
    raise TargetLoadError(
        f"there is no file {name}; write a path below the project's folder, {directory or Path.cwd()}"
    )


def _of_file(path: Path) -> ModuleType:
    """By the name that the packages around it give it."""
    parts, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    if parts[-1] == "__init__":
        parts.pop()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return _imported(".".join(parts), path)


def _file_below(root: Path, name: str) -> Path | None:
    base = root.joinpath(*name.split("."))
    files = (base.with_name(f"{base.name}.py"), base / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def _imported(name: str, file: Path) -> ModuleType:
    """That file as that name, where no other module has it; else, and where it is no name, by a name of ours."""
    if all(part.isidentifier() for part in name.split(".")) and not _is_taken(name, file):
        found = importlib.import_module(name)
        if _is_of(found, file):
            return found
    alias = f"{OURS}.{name}"
    if alias not in sys.modules:
        spec = importlib.util.spec_from_file_location(alias, file)
        if spec is None or spec.loader is None:
            raise TargetLoadError(f"{file} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[alias] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[alias]
            raise
    return sys.modules[alias]


def _is_taken(name: str, file: Path) -> bool:
    """Whether this process has another module of that name, or of the package's."""
    if name in sys.modules:
        return not _is_of(sys.modules[name], file)
    top = sys.modules.get(name.partition(".")[0])
    own = file.parents[name.count(".") - (file.name != "__init__.py")] if "." in name else None
    places = [Path(path).resolve() for path in getattr(top, "__path__", [])]
    return top is not None and own is not None and own.resolve() not in places


def _is_of(module: ModuleType, file: Path) -> bool:
    path = getattr(module, "__file__", None)
    return path is not None and Path(path).resolve() == file.resolve()
