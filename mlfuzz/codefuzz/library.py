"""The door that scripts on people's disks name. New ones say `from mlfuzz import harnesses`."""

from __future__ import annotations

from mlfuzz.codefuzz.harness.discovery import module

__all__ = ["module"]
