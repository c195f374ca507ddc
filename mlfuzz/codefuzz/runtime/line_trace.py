"""Which lines follow which, by coverage.py."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

Arcs = dict[str, list[list[int]]]
"""Per file the pairs of lines that followed each other."""


def begin(spec: Mapping[str, Any]) -> Any:
    """Coverage of the harness and the packages it names: before the harness is imported, so that its import counts."""
    coverage = importlib.import_module("coverage")
    patterns = [spec["path"]]
    for name in sorted({name.partition(".")[0] for name in spec["instrument"]}):
        with contextlib.suppress(ImportError, ValueError):
            found = importlib.util.find_spec(name)
            places = list(found.submodule_search_locations or []) if found else []
            patterns += [f"{place}/*" for place in places] or ([found.origin] if found and found.origin else [])
    measure = coverage.Coverage(data_file=None, branch=True, config_file=False, include=patterns)
    measure.start()
    return measure


def arcs(measure: Any) -> Arcs:
    """What has been reached so far."""
    measure.stop()
    data = measure.get_data()
    return {file: [list(pair) for pair in data.arcs(file) or ()] for file in data.measured_files()}
