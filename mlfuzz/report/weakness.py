"""What is wrong, as a table of a few rows: each weakness with what it does, how often, and its worst finding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from markupsafe import Markup

from mlfuzz.findings.finding import Finding
from mlfuzz.report.chart import bar
from mlfuzz.report.summary import Summary

SHOWN_ANSWERS = 4
SHOWN_OPERATORS = 8


class WeaknessRow(NamedTuple):
    """number: of the card of its worst fault, or 0. by: its operators. answers: (what came out, findings)."""

    by: tuple[str, ...]
    more: int
    kind: str
    faults: int
    inputs: int
    answers: tuple[tuple[str, int], ...]
    best: Finding
    number: int
    svg: Markup


def rows(summary: Summary) -> list[WeaknessRow]:
    """The worst first; [] where there are not fewer weaknesses than faults: the faults say it all then."""
    found = summary.weaknesses
    if len(found) >= len(summary.faults):
        return []
    numbers = {one.id: at for at, fault in enumerate(summary.faults, start=1) for one in fault.members}
    most = max(len(one.members) for one in found)
    return [
        WeaknessRow(
            tuple(_plain(name) for name in one.operators[:SHOWN_OPERATORS]) or (one.name,),
            max(0, len(one.operators) - SHOWN_OPERATORS), one.kind, len(one.faults), len(one.members),
            tuple(one.answers[:SHOWN_ANSWERS]), one.best, numbers.get(one.best.id, 0),
            bar(len(one.members) / most, kind="hot"),
        )
        for one in found
    ]  # fmt: skip


def outline(summary: Summary) -> list[Mapping[str, Any]]:
    """The same for machines, whole."""
    return [
        {
            "name": one.name, "oracle": one.kind, "operators": list(one.operators), "best": one.best.id,
            "severity": one.best.severity, "faults": [fault.key for fault in one.faults],
            "findings": [each.id for each in one.members],
        }
        for one in summary.weaknesses
    ]  # fmt: skip


def _plain(operator: str) -> str:
    return operator.partition(".")[2].replace("_", " ") or operator
