"""The lines that narrow a campaign's operators: what to paste where a change goes too far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlfuzz.config.frozen import dump
from mlfuzz.progress import Stats

MOST = 3
"""Operators in the lines that are offered: whoever wants others sees from three how it is written."""


def first_to_narrow(stats: Stats) -> list[str]:
    """Operators that have a range, most failures for their rows first."""
    rated = [(-one.failures / one.rows, name) for name, one in stats.operators.items() if one.failures]
    return [name for _, name in sorted(rated) if stats.ranges.get(name)][:MOST]


def narrow(names: Sequence[str], stats: Stats) -> str:
    """What to write into mlfuzz.toml, with the ranges as they are; "" where there is nothing to write.

    One that was handed over as an object cannot be named there.
    """
    known, load = str(stats.setup.get("target", "")), str(stats.target.get("load", ""))
    ranges = {name: stats.ranges[name] for name in names if stats.ranges.get(name)}
    if not (ranges and known and load):
        return ""
    return lines(known, load, {**dict(stats.setup.get("ranges") or {}), **ranges})


def lines(known: str, load: str, ranges: Mapping[str, Mapping[str, Any]]) -> str:
    """The tables of a target, with its `use` where none that is configured has that name."""
    use: dict[str, Any] = {"use": load} if ":" in known else {}
    return dump({"targets": {known: {**use, "mutators": {"ranges": ranges}}}})
