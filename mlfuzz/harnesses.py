"""The door to harnesses for scripts: where they are, and the shipped ones imported.

`find("wav_scipy", Path())` is a harness of the project or of mlfuzz; `module("harnesses/wav_scipy.py")` its file,
imported. Every repro.py of a shipped harness says `from mlfuzz import harnesses`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlfuzz.codefuzz.harness.discovery import Harness, find, listed, module

__all__ = ["Harness", "find", "listed", "module", "property_test"]


def property_test(named: str) -> Callable[[bytes], None]:
    """A test of Hypothesis, "tests/test_x.py::test_prop", from the current folder, as a function of bytes.

    Raises whatever importing it raises, and TypeError for a test that cannot be run by itself.
    """
    from mlfuzz.codefuzz.loading.property_database import opened

    where, _, inside = named.partition("::")
    return opened(str(Path(where).resolve()), f"::{inside}", str(Path.cwd()))
