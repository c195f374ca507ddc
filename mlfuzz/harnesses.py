"""The door to harnesses for scripts: where they are, and the shipped ones imported.

`find("wav_scipy", Path())` is a harness of the project or of mlfuzz; `module("harnesses/wav_scipy.py")` its file,
imported. Every repro.py of a shipped harness says `from mlfuzz import harnesses`.
"""

from __future__ import annotations

from mlfuzz.codefuzz.harness.discovery import Harness, find, listed, module

__all__ = ["Harness", "find", "listed", "module"]
