"""A test of Hypothesis as a harness: bytes become the test's arguments by Hypothesis' public `fuzz_one_input`.

Bytes that are too few are followed by zeros, which stand for the simplest choices: a short input is a whole example.
Where a test fails, Hypothesis itself runs the example once more and says how it would print it; nothing is written to
the disk here (see `property_database`).
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
import tomllib
import unittest
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from mlfuzz.codefuzz.loading import parametrized
from mlfuzz.codefuzz.loading.property_examples import Examples

SEPARATOR = "::"

SIMPLEST = bytes(1 << 13)
"""What follows each input: 8 KiB is as much as Hypothesis itself lets an example draw."""

MOST_DESCRIBED = 256
"""Places whose failing example a process has Hypothesis print; the engine tells each once."""

SKIPS = (("unittest", "SkipTest"), ("_pytest.outcomes", "Skipped"), ("_pytest.outcomes", "XFailed"))
"""Exceptions that leave a test out: no answer to be judged. Of modules that are imported by whoever raises them."""

UNITTEST, PYTEST = ("setUpClass", "setUp"), ("setup_class", "setup_method")
"""What a class prepares. Hypothesis has it run once for all examples of a test, and so it is here."""

EXECUTORS = ("execute_example", "setup_example", "teardown_example")


class TestRefused(TypeError):
    """A test that cannot be fuzzed, with what to write instead."""

    __test__ = False


def named(entry: str) -> bool:
    """Whether an entry is a test: "::test_prop", "::TestCase::test_prop[id]"."""
    return entry.startswith(SEPARATOR)


def place(path: str) -> tuple[str, str]:
    """The folder that a test file is imported from, and its dotted name there: as pytest's `prepend` finds them."""
    folder, parts = os.path.dirname(path), [os.path.basename(path).removesuffix(".py")]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        parts.insert(0, os.path.basename(folder))
        folder = os.path.dirname(folder)
    return folder, ".".join(parts)


def folders(path: str, project: str) -> list[str]:
    """Folders that pytest, or an installed project, would import from: the file's, pythonpath, the project's, src."""
    found = [place(path)[0], *_pythonpath(project), project, os.path.join(project, "src")]
    return [one for one in dict.fromkeys(map(os.path.abspath, found)) if os.path.isdir(one)]


def _pythonpath(project: str) -> Iterator[str]:
    try:
        with open(os.path.join(project, "pyproject.toml"), "rb") as file:
            names = tomllib.load(file)["tool"]["pytest"]["ini_options"]["pythonpath"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    for name in names.split() if isinstance(names, str) else names:
        yield os.path.join(project, str(name))


def of(module: ModuleType, spec: Mapping[str, Any]) -> PropertyTest:
    """The test that a session's specification names. Raises TestRefused."""
    return PropertyTest(module, spec["entry"], node(spec["path"], spec["entry"], spec["project"]))


def node(path: str, entry: str, project: str) -> str:
    """What pytest calls it, from the project's folder: "tests/test_x.py::test_prop"."""
    return os.path.relpath(path, project).replace(os.sep, "/") + entry


class PropertyTest:
    """One test of a module. entry: "::TestCase::test_prop[id]". node: what pytest calls it, "tests/test_x.py::...".

    warnings: what of it is not run. Raises TestRefused, with what to write, for a test that cannot be fuzzed.
    """

    __test__ = False

    def __init__(self, module: ModuleType, entry: str, node: str) -> None:
        names, chosen = parametrized.split(entry)
        self.warnings: list[str] = []
        self.node, self.given, self._described = node, dict[str, Any](), set[tuple[Any, ...]]()
        owner, self.test = _found(module, names, node)
        machine = _machine_of(self.test)
        if machine is not None:
            from hypothesis.stateful import get_state_machine_test

            self.test = get_state_machine_test(machine)
        else:
            _check(self.test, node, names[-1])
            self._bind(module, owner, names[-1], chosen)
        self.examples = Examples(self.test, self._ordinary)
        with self._alone():
            self._call = self.test.hypothesis.fuzz_one_input
        self.__module__ = module.__name__

    def __call__(self, data: bytes) -> None:
        try:
            self._call(data + SIMPLEST)
        except BaseException as error:
            if isinstance(error, tuple(_skips())):
                return
            self._tell(error)
            raise

    def _bind(self, module: ModuleType, owner: type | None, name: str, chosen: str | None) -> None:
        """Have the test called with its object, and with what it is parametrized with."""
        try:
            values = parametrized.values(self.test, owner, chosen)
        except LookupError as error:
            raise TestRefused(f"{self.node}: {error.args[0]}") from None
        inner = self.test.hypothesis.inner_test
        left = [one for one in inspect.signature(self.test).parameters if one not in values]
        if owner is not None and left and not isinstance(inspect.getattr_static(owner, name), staticmethod):
            self.given[left.pop(0)] = _object(owner, name)
        wanted = [*left, *parametrized.marked(self.test, owner, "usefixtures")]
        if wanted:
            raise TestRefused(_fixture_words(self.node, name, wanted, self.test))
        self.given |= values
        self.warnings += _unheeded(module, owner, self.test)
        given = self.given

        @functools.wraps(inner)
        def bound(*arguments: Any, **keywords: Any) -> Any:
            return inner(*arguments, **{**given, **keywords})

        if chosen is not None:  # the key by which Hypothesis' plugin for pytest tells such tests apart
            bound._hypothesis_internal_add_digest = self.node.encode()  # type: ignore[attr-defined]
        self.test.hypothesis.inner_test = bound

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """The test seems to want nothing but what its strategies give: as `fuzz_one_input` has it when it is made."""
        whole = inspect.signature(self.test)
        left = [one for name, one in whole.parameters.items() if name not in self.given]
        self.test.__signature__ = whole.replace(parameters=left)
        try:
            yield
        finally:
            del self.test.__signature__

    def _ordinary(self) -> None:
        """The test as its runner calls it."""
        self.test(**self.given)

    def _tell(self, error: BaseException) -> None:
        """Add to the error what Hypothesis prints: the falsifying example, and how to reproduce it."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        key = (type(error), trace and (trace.tb_frame.f_code, trace.tb_lasti))
        if key in self._described or len(self._described) >= MOST_DESCRIBED:
            return
        self._described.add(key)
        for note in self.examples.words():
            error.add_note(note)


def _skips() -> Iterator[type]:
    for module, name in SKIPS:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None:
            yield kind


def _found(module: ModuleType, names: Sequence[str], node: str) -> tuple[type | None, Any]:
    owner: type | None = None
    found: Any = module
    for name in names:
        if not hasattr(found, name):
            raise TestRefused(f"{node}: {found.__name__.rpartition('.')[2]} has no {name}")
        owner, found = found if isinstance(found, type) else None, getattr(found, name)
    return owner, found


def _machine_of(found: Any) -> Any:
    """The class of a stateful machine, where that, its TestCase or its runTest is named; else None."""
    test = getattr(found, "runTest", found)
    machine = getattr(test, "_hypothesis_state_machine_class", None)
    if machine is None and isinstance(found, type) and hasattr(found, "TestCase"):
        machine = getattr(getattr(found.TestCase, "runTest", None), "_hypothesis_state_machine_class", None)
    return machine


def _check(test: Any, node: str, name: str) -> None:
    """Raises TestRefused where Hypothesis does not know the test, or it does not run by itself."""
    handle: Any = getattr(test, "hypothesis", None)
    if not hasattr(type(handle), "fuzz_one_input"):  # looked at in the handle itself, it would be made already
        if isinstance(test, type):
            raise TestRefused(f"{node} is a class; name one of its tests: {node}{SEPARATOR}test_...")
        raise TestRefused(
            f"{node} is no test of Hypothesis; put @given(...) above it, or write a harness: mlfuzz harness new {name}"
        )
    if inspect.iscoroutinefunction(handle.inner_test):
        raise TestRefused(
            f"{node} is asynchronous, which a plugin of pytest runs and mlfuzz does not; write "
            f"`def {name}_fuzzed(...): asyncio.run(...)` with its @given, and run that"
        )


def _object(owner: type, name: str) -> Any:
    """The test's object, prepared once. Raises whatever preparing raises."""
    ours = issubclass(owner, unittest.TestCase)
    made: Any = owner(name) if ours else owner()
    for step, argument in zip(UNITTEST if ours else PYTEST, (owner, made), strict=True):
        prepare = getattr(argument, step, None)
        if prepare is not None:
            wants = not ours and step == "setup_method" and len(inspect.signature(prepare).parameters) > 0
            prepare(getattr(made, name)) if wants else prepare()
    return made


def _fixture_words(node: str, name: str, wanted: Sequence[str], test: Any) -> str:
    several = "s" if len(wanted) > 1 else ""
    drawn = [one for one in inspect.signature(test.hypothesis.inner_test).parameters if one not in (*wanted, "self")]
    return (
        f"{node} wants the fixture{several} {', '.join(wanted)} of pytest, which mlfuzz does not run; write a test "
        f"that makes what it needs itself, and run that: def {name}_fuzzed({', '.join(drawn)}): ..."
    )


def _unheeded(module: ModuleType, owner: type | None, test: Any) -> list[str]:
    """What a test runner would do around the test, and is not done here."""
    found = []
    places = [*vars(module).items(), *(vars(owner).items() if owner is not None else ())]
    for name, one in places:
        marker = getattr(one, "_fixture_function_marker", None) or getattr(one, "_pytestfixturefunction", None)
        if getattr(marker, "autouse", False):
            found.append(f"the fixture {name} (autouse)")
    found += [f"the mark {mark}" for mark in ("skip", "skipif", "xfail") if parametrized.marks(test, owner, mark)]
    found += [f"{owner.__name__}.{name}" for name in EXECUTORS if owner is not None and hasattr(owner, name)]
    found += [name for name in ("setup_module", "setup_function", "setUpModule") if hasattr(module, name)]
    return [f"not heeded, which pytest does: {', '.join(found)}"] if found else []
