"""What each operator, and the searches, took and found: a table, and what to write where one was not worth its time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mlfuzz.config.frozen import dump
from mlfuzz.progress import OperatorStats, Stats
from mlfuzz.report.numbers import figure, grouped, percent
from mlfuzz.report.summary import FaultGroup

SEARCHES = "searches"
"""Stands for all searches in the table; what they find is recorded as one operator, whose row is left out."""

MUCH = 0.01
"""Of the time: what finds nothing and takes less is not worth a line of configuration."""

LEAST_ROWS = 100
"""With fewer rows nothing is said: what fails once in thirty would be missed by chance in one case of thirty."""

WHOLE = 100
"""From here on digits behind the point tell nothing."""

HEADS = ("mutator", "rows", "of the time", "µs a row", "faults", "new failures", "new coverage", "found a second")

EXPLANATION = (
    "Time is that of making the change, of all the time that fuzzing took, the model's included. A new failure is one"
    " of a kind that its seed, this mutator or its place had not had; with new coverage they are what a mutator found,"
    " and a second is one in which its inputs were made, run and judged. A row that several mutators changed counts for"
    " each; faults are the confirmed ones that it does most of."
)


class OperatorCost(NamedTuple):
    """Of one operator, or of all searches. rows: that it changed, or evaluations. share: of the time, in [0, 1].

    found: new failures and new coverage for each second that its rows took in all.
    """

    name: str
    rows: int
    share: float
    microseconds: float
    faults: int
    firsts: int
    gains: int
    found: float

    @property
    def fruitless(self) -> bool:
        """Whether it took much and found nothing, in so many rows that it is no chance."""
        nothing = not (self.faults or self.firsts or self.gains)
        return nothing and self.share >= MUCH and self.rows >= LEAST_ROWS

    def cells(self) -> tuple[str, ...]:
        """As the table has it."""
        numbers = (self.faults, self.firsts, self.gains)
        found = figure(self.found) if self.found < WHOLE else grouped(self.found)
        took = figure(self.microseconds) if self.microseconds < WHOLE else grouped(self.microseconds)
        return self.name, grouped(self.rows), percent(self.share), took, *map(grouped, numbers), found


def operator_costs(stats: Stats, faults: Iterable[FaultGroup] = ()) -> list[OperatorCost]:
    """The most of the time first; [] of figures that are older than this table. faults: the confirmed ones."""
    whole = sum(stats.timing.values())
    if not stats.spent or not whole:
        return []
    by = Counter(fault.operator for fault in faults)
    searched, inputs = stats.searches, stats.inputs - stats.searches.evaluations
    beside = max(0.0, whole - sum(stats.spent.values()) - searched.seconds) / max(1, inputs)
    recorded = f"{next(iter(stats.spent)).partition('.')[0]}.replace" if searched.evaluations else ""
    table = [
        _row(name, one, stats.spent.get(name, 0.0), beside, whole, by[name])
        for name, one in stats.operators.items()
        if one.rows and name != recorded
    ]
    if searched.evaluations:
        own = OperatorStats(rows=searched.evaluations, firsts=searched.firsts, gains=searched.gains)
        table.append(_row(SEARCHES, own, searched.seconds, 0.0, whole, by[recorded]))
    return sorted(table, key=lambda row: (-row.share, row.name))


def _row(name: str, one: OperatorStats, seconds: float, beside: float, whole: float, faults: int) -> OperatorCost:
    in_all = seconds + beside * one.rows
    return OperatorCost(
        name, one.rows, seconds / whole, 1e6 * seconds / one.rows, faults, one.firsts, one.gains,
        (one.firsts + one.gains) / in_all if in_all else 0.0,
    )  # fmt: skip


def fruitless(costs: Sequence[OperatorCost]) -> list[str]:
    """Those that took much and found nothing; [] where none found anything: then it is not the operators."""
    found = any(one.found for one in costs)
    return [one.name for one in costs if one.fruitless] if found else []


def switch_off(names: Sequence[str], stats: Stats) -> str:
    """What to write into mlfuzz.toml so that the next campaign does without them; "" for none.

    What the campaign was told to leave out stays left out. A target that has no table there is named with its `use`;
    one that was handed over as an object cannot be named there.
    """
    known, load = str(stats.setup.get("target", "")), str(stats.target.get("load", ""))
    operators = [name for name in names if name != SEARCHES]
    table: dict[str, Any] = {}
    if operators and known and load:
        leave = list(dict.fromkeys([*stats.setup.get("exclude", ()), *operators]))
        use = {"use": load} if ":" in known else {}
        table["targets"] = {known: {**use, "mutators": {"exclude": leave}}}
    if SEARCHES in names:
        table["fuzz"] = {"search": "off"}
    return dump(table) if table else ""


def outline(stats: Stats, faults: Iterable[FaultGroup] = ()) -> Mapping[str, Any]:
    """The same for machines."""
    costs = operator_costs(stats, faults)
    names = fruitless(costs)
    rows = [
        {
            "name": one.name, "rows": one.rows, "share_of_time": one.share, "us_a_row": one.microseconds,
            "faults": one.faults, "new_failures": one.firsts, "new_coverage": one.gains, "found_per_s": one.found,
        }
        for one in costs
    ]  # fmt: skip
    return {"rows": rows, "fruitless": names, "switch_off": switch_off(names, stats)}
