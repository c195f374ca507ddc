"""What Hypothesis keeps and says of a test's failing examples, taken by a database that lives in memory."""

from __future__ import annotations

import contextlib
import unittest
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class Memory:
    """Keeps the last example that was saved. again: it is what every key holds; else nothing is.

    keys: those that were asked for.
    """

    def __init__(self) -> None:
        self.last = b""
        self.again = False
        self.keys: list[bytes] = []

    def database(self) -> Any:
        """As a database of Hypothesis, which is imported here only."""
        from hypothesis.database import ExampleDatabase

        memory = self

        class InMemory(ExampleDatabase):
            def save(self, key: bytes, value: bytes) -> None:
                if not memory.again:
                    memory.last = value

            def fetch(self, key: bytes) -> Iterable[bytes]:
                memory.keys.append(key)
                return [memory.last] if memory.again and memory.last else []

            def delete(self, key: bytes, value: bytes) -> None:
                """What failed stays."""

        return InMemory()


class Examples:
    """Of one test, which keeps them here from now on. ordinary: runs the test as its runner does.

    database: Hypothesis' own, as the test is set; None where it keeps none.
    """

    def __init__(self, test: Any, ordinary: Callable[[], None]) -> None:
        self._test, self._ordinary, self._memory = test, ordinary, Memory()
        self.database = test._hypothesis_internal_use_settings.database
        self._set(database=self._memory.database())

    def words(self) -> list[str]:
        """What Hypothesis says of the example that has just failed: how it is called, and how it is reproduced."""
        if not self._memory.last:
            return []
        try:
            with self._reusing(again=True):
                self._ordinary()
        except BaseException as error:  # noqa: BLE001 - what the test raises is what is asked for
            return list(getattr(error, "__notes__", ()))
        finally:
            self._memory.last = b""
        return []

    def key(self) -> bytes:
        """Under which a database keeps this test's failing examples; no example is run."""
        with self._reusing(again=False), contextlib.suppress(unittest.SkipTest):  # there is nothing to run
            self._ordinary()
        return self._memory.keys[0]

    @contextlib.contextmanager
    def _reusing(self, *, again: bool) -> Iterator[None]:
        """The test runs what the database holds, and nothing else."""
        from hypothesis import Phase

        test = self._test
        kept = test._hypothesis_internal_use_settings, test._hypothesis_internal_use_reproduce_failure
        self._set(phases=(Phase.reuse,), print_blob=True, report_multiple_bugs=False, deadline=None)
        test._hypothesis_internal_use_reproduce_failure = None
        self._memory.again = again
        try:
            yield
        finally:
            self._memory.again = False
            test._hypothesis_internal_use_settings, test._hypothesis_internal_use_reproduce_failure = kept

    def _set(self, **changes: Any) -> None:
        from hypothesis import settings

        kept = self._test._hypothesis_internal_use_settings
        self._test._hypothesis_internal_use_settings = settings(kept, **changes)
