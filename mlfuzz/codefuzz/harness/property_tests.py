"""Tests of Hypothesis as harnesses: "tests/test_x.py::test_prop". Their files are read, and nothing is imported."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlfuzz.codefuzz.harness.declaration import LITERAL, Declaration
from mlfuzz.codefuzz.harness.plain_file import PLAIN_ENTRY
from mlfuzz.errors import TargetLoadError, UnknownNameError

SEPARATOR = "::"

KEY = "test"
"""Of [harnesses.NAME]: the test that the harness is."""

TOOLS = frozenset({"hypothesis", "pytest", "atheris", "mlfuzz", "conftest"})
"""Packages that are not under test, whatever a test imports."""

SECONDS, MEBIBYTES, LENGTH = 2.0, 512, 4096
"""Limits of one example: Hypothesis' own deadline of 200 ms is off while it is fuzzed, as `fuzz_one_input` has it."""


Tested = ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign


def names_one(typed: str) -> bool:
    """Whether what was typed, or what a finding is loaded from, names a test in a file."""
    return f".py{SEPARATOR}" in typed


def declaration(typed: str, project: Path, *, name: str = "") -> Declaration:
    """Of a test: "tests/test_x.py::TestCase::test_prop[id]".

    name: of the harness; by default the file's and the test's.
    Raises TargetLoadError where the file is not there or cannot be read, UnknownNameError for a test that is not in it.
    """
    where, _, inside = typed.partition(SEPARATOR)
    path = next((one for one in (project / where, Path(where)) if one.is_file()), None)
    if path is None:
        raise TargetLoadError(f"there is no file {where} here; write a test's path from {project}: FILE.py::test_NAME")
    tree = _parsed(path)
    outer = inside.partition("[")[0].split(SEPARATOR)[0]
    known = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)}
    known |= {one.id for node in tree.body if isinstance(node, ast.Assign) for one in node.targets
              if isinstance(one, ast.Name)}  # fmt: skip
    if outer not in known:
        raise UnknownNameError(f"test in {where}", outer, sorted(one for one in known if "test" in one.lower()))
    return Declaration(
        name=name or f"{path.stem}.{inside.replace(SEPARATOR, '.')}", about=f"the property {inside}, by Hypothesis",
        instrument=under_test(tree, path, project), seconds=SECONDS, mebibytes=MEBIBYTES, length=LENGTH,
        path=str(path.resolve()), entry=f"{SEPARATOR}{inside}",
    )  # fmt: skip


def configured(tables: Mapping[str, Any], project: Path) -> Iterator[Declaration]:
    """Those that [harnesses.NAME] test = "..." declares. Raises as `declaration`."""
    for name, table in tables.items():
        if isinstance(table, Mapping) and isinstance(table.get(KEY), str):
            yield declaration(table[KEY], project, name=name)


def is_test_file(path: Path) -> bool:
    """Whether a file is no harness, and has tests of Hypothesis."""
    try:
        tree = _parsed(path)
    except TargetLoadError:
        return False
    named = {getattr(one, "id", "") for node in tree.body if isinstance(node, ast.Assign) for one in node.targets}
    named |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return not named & {LITERAL, PLAIN_ENTRY} and any(True for _ in _tests(tree))


def tests_of(path: Path) -> tuple[list[str], list[str]]:
    """The tests of a file that can be run by name, and words on those that cannot. Raises TargetLoadError."""
    tests, words = [], []
    tree = _parsed(path)
    givens = _givens(tree)
    for name, node in _tests(tree):
        wanted = _fixtures(node, givens) if isinstance(node, ast.FunctionDef) else []
        if isinstance(node, ast.AsyncFunctionDef):
            words.append(f"{name} is asynchronous, which mlfuzz does not run; fuzz a test that calls asyncio.run(...)")
        elif wanted:
            words.append(_left_words(name, wanted, node))
        else:
            tests.append(name)
    return tests, words


def _left_words(name: str, wanted: Sequence[str], node: Tested) -> str:
    """Why a test that wants more than its strategies give is not among those of its file."""
    marks = [getattr(one.func, "attr", "") for one in getattr(node, "decorator_list", ()) if isinstance(one, ast.Call)]
    if "parametrize" in marks:
        return f"{name} has cases by {', '.join(wanted)}; one is run where it is named: {SEPARATOR}{name}[ID]"
    return (
        f"{name} wants {', '.join(wanted)}, which mlfuzz does not run fixtures for; write a test that makes what it "
        "needs itself"
    )


def under_test(tree: ast.Module, path: Path, project: Path) -> tuple[str, ...]:
    """What a test's file imports and that lies in the project; else whatever it imports that is installed.

    The folder of the tests themselves is not under test.
    """
    tops = sorted({name.partition(".")[0] for name in _imports(tree)} - TOOLS - {""})
    roots = [project, project / "src", path.parent]
    own = [one for one in tops if any(_is_there(root, one) for root in roots) and not _holds(project / one, path)]
    helpers = [one for one in own if _is_there(path.parent, one) and path.parent.name in ("tests", "test")]
    own = [one for one in own if one not in helpers] or own
    return tuple(own or [one for one in tops if one not in sys.stdlib_module_names and not _holds(project / one, path)])


def _is_there(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name).is_dir()


def _holds(folder: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), str(path))
    except (OSError, SyntaxError, ValueError) as error:
        raise TargetLoadError(f"{path}: not a file of tests that can be read: {error}") from error


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def _tests(tree: ast.Module) -> Iterator[tuple[str, Tested]]:
    """Names, "TestCase::test_prop" in classes, of what @given decorates, and of the TestCase of stateful machines."""
    givens = _givens(tree)
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute) and node.value.attr == "TestCase":
            yield from ((one.id, node) for one in node.targets if isinstance(one, ast.Name) and "Test" in one.id)
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}{SEPARATOR}{one.name}", one) for one in _given(node.body, givens))
        yield from ((one.name, one) for one in _given([node], givens))


def _givens(tree: ast.Module) -> set[str]:
    """Names in a file that stand for `given`, or for a call of it."""
    names = {"given"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "hypothesis":
            names |= {one.asname or one.name for one in node.names if one.name == "given"}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _called(node.value, names):
            names |= {one.id for one in node.targets if isinstance(one, ast.Name)}
    return names


def _given(body: Sequence[ast.stmt], givens: set[str]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test"):
            continue
        if any(_called(one, givens) for one in node.decorator_list):
            yield node


def _called(node: ast.expr, names: set[str]) -> bool:
    """Whether it is, or calls, one of these names: `given(...)`, `hypothesis.given(...)`, `my_given`."""
    called = node.func if isinstance(node, ast.Call) else node
    return (isinstance(called, ast.Name) and called.id in names) or (
        isinstance(called, ast.Attribute) and called.attr == "given"
    )


def _fixtures(node: ast.FunctionDef, givens: set[str]) -> list[str]:
    """Arguments that no strategy gives, as far as that stands in the file."""
    names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    names = names[1:] if names[:1] == ["self"] else names
    for one in node.decorator_list:
        if isinstance(one, ast.Call) and _called(one, givens):
            if any(keyword.arg is None for keyword in one.keywords) or any(
                isinstance(a, ast.Starred) for a in one.args
            ):
                return []
            by_name = {keyword.arg for keyword in one.keywords}
            names = names[: len(names) - len(one.args)] if one.args else [name for name in names if name not in by_name]
            if any(isinstance(argument, ast.Constant) and argument.value is ... for argument in one.args):
                return []
            return names
    return []


def called(typed: str, tables: Mapping[str, Any]) -> str:
    """The name that [harnesses.NAME] gives to a test; "" where none does."""
    declares = (name for name, table in tables.items() if isinstance(table, Mapping) and table.get(KEY) == typed)
    return next(declares, "")


def with_changes(found: Declaration, changes: Any) -> Any:
    """The table of [harnesses.NAME] without the key that says which test it is."""
    if not found.entry.startswith(SEPARATOR) or not isinstance(changes, Mapping):
        return changes
    return {key: value for key, value in changes.items() if key != KEY}


def load_of(found: Declaration, where: str) -> str:
    """How findings name it: where: the file from the project's folder."""
    return f"{where}{found.entry}" if found.entry.startswith(SEPARATOR) else f"{where}:{found.entry}"
