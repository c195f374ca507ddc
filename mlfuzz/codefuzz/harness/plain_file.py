"""Whether a file is a plain atheris harness, and by what name its function goes; nothing of it is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from mlfuzz.errors import TargetLoadError

PLAIN_ENTRY = "TestOneInput"
OURS = "fuzz"
"""The function of a file with a literal: no plain file's goes by that."""

SETUP = "Setup"

DEPTH = 2
"""Modules beside a harness are looked into so deep: a helper that hands the function over, and what that imports."""


def parsed(path: Path) -> ast.Module:
    """The file's syntax. Raises TargetLoadError."""
    try:
        return ast.parse(path.read_bytes(), str(path))
    except (OSError, SyntaxError, ValueError) as error:
        raise TargetLoadError(f"{path}: not a harness that can be read: {error}") from error


def plain_entry(tree: ast.Module, path: Path) -> str:
    """The name of the function that inputs go to: what Setup is given, where that is a function of the file; else
    TestOneInput. "" where the file neither calls Setup, nor has that, nor imports a module beside it that does.
    """
    calls = list(_setups(tree))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} - {OURS}
    for call in calls:
        given = call.args[1] if len(call.args) > 1 else None
        if isinstance(given, ast.Name) and given.id in functions:
            return given.id
    return PLAIN_ENTRY if calls or _is_evident(tree, path, DEPTH) else ""


def _is_evident(tree: ast.Module, path: Path, depth: int) -> bool:
    if any(_setups(tree)) or PLAIN_ENTRY in _bound(tree):
        return True
    return depth > 0 and any(_is_evident(one, file, depth - 1) for file, one in _beside(tree, path))


def _setups(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls of atheris' Setup, under whatever name the file knows it by."""
    modules, names = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {one.asname or one.name for one in node.names if one.name == "atheris"}
        elif isinstance(node, ast.ImportFrom) and node.module == "atheris":
            names |= {one.asname or one.name for one in node.names if one.name in (SETUP, "*")}
    names |= {SETUP} if "*" in names else set()
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        by_name = isinstance(called, ast.Name) and called.id in names
        by_module = isinstance(called, ast.Attribute) and called.attr == SETUP and _is_one_of(called.value, modules)
        if isinstance(node, ast.Call) and (by_name or by_module):
            yield node


def _is_one_of(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _bound(tree: ast.Module) -> set[str]:
    """Names that the file's own level gives something: functions, classes, assignments, imports."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {one.asname or one.name for one in node.names}
        elif isinstance(node, ast.Assign):
            found |= {one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return found


def _beside(tree: ast.Module, path: Path) -> Iterator[tuple[Path, ast.Module]]:
    """Modules that it imports from its own folder."""
    for node in ast.walk(tree):
        names = [one.name for one in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else names
        for name in names:
            file = path.parent.joinpath(*name.split(".")).with_suffix(".py")
            if file != path and file.is_file():
                try:
                    yield file, parsed(file)
                except TargetLoadError:
                    continue
