"""Tests of Hypothesis where a harness is wanted: a file stands for those of its tests that can be fuzzed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mlfuzz.cli.resolve.context import Context
from mlfuzz.codefuzz.harness import property_tests
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.errors import UsageError
from mlfuzz.report.visible import visible


def with_tests(context: Context, typed: Iterable[str], root: Path) -> list[str]:
    """What was typed, with the tests of a file in its place. Says which are left out, and why.

    Raises UsageError where none of a file's tests can be fuzzed.
    """
    found: list[str] = []
    for one in typed:
        path = next((path for path in (root / one, Path(one)) if one.endswith(".py") and path.is_file()), None)
        if path is None or not property_tests.is_test_file(path):
            found.append(one)
            continue
        tests, words = property_tests.tests_of(path)
        if not tests:
            raise UsageError(f"{one}: none of its tests can be fuzzed: {'; '.join(words)}")
        for word in words:
            context.terminal.warn(f"{one}: left out: {visible(word)}")
        found += [f"{one}{property_tests.SEPARATOR}{name}" for name in tests]
    return found


def announce(context: Context, chosen: Iterable[Harness]) -> None:
    """What is done with tests otherwise than pytest does it, once."""
    tests = [one for one in chosen if one.declaration.entry.startswith(property_tests.SEPARATOR)]
    if not tests:
        return
    packages = sorted({package for one in tests for package in one.declaration.instrument})
    covered = ", ".join(packages) or "nothing that it imports"
    context.terminal.say(
        (
            f"coverage looks at {covered} (instrument under [harnesses.NAME] names others); no conftest.py, fixture or "
            "plugin of pytest is run, and no @example",
            "dim",
        )
    )
