"""Findings kept in git, run again as tests: what pytest, `compare` and `regressions()` stand on.

Read runner.py first, then outcome.py: which outcome passes, which fails. Imports campaign and codefuzz; imported by the
pytest plugin and comparison. The laws of parts are in `mlfuzz.testing`.
"""
