"""Records of runs -> the Markdown table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from tasks.task import Task

from effectiveness_parts.comparison import Quartiles, a12, p_value
from effectiveness_parts.presets import BASELINE, DEFAULT

Record = Mapping[str, Any]

HEAD = (
    "task", "preset", "guidance", "runs", "first fault at", "roots broken", "failures", "kept", "distinct faults, kept",
    "(seed, answer) pairs", "severity", "A12 (p)", "s",
)  # fmt: skip

BUDGETS = ("evaluations", "seconds", "passes")
"""What presets are given equally much of."""

BRIEF = (BASELINE, "tensorfuzz", "deeptest", "deephunter", DEFAULT, "mixed+gradients", "search:white")

COUNTED = {
    "evaluations": "inputs to the first fault", "roots": "seeds broken", "faults": "distinct faults, label kept",
    "pairs": "(seed, answer) pairs, labels not judged",
}  # fmt: skip
"""The chief figures, in words."""


def table(records: Sequence[Record], tasks: Mapping[str, Task]) -> str:
    """One line a task and preset: median and quartiles over the repeats, and how sure the difference from random is.

    A12 and p are of the task's chief figure, in bold; above 0.5 the preset is better than random.
    """
    lines = [_line(HEAD), _line(["---"] * len(HEAD))]
    for budget in BUDGETS:
        ran = [record for record in records if record["budget"] == budget and "skipped" not in record]
        for name, task in tasks.items():
            of_task = [record for record in ran if record["task"] == name]
            presets = dict.fromkeys(record["preset"] for record in of_task)
            baseline = [record for record in of_task if record["preset"] == BASELINE]
            for preset in presets:
                own = [record for record in of_task if record["preset"] == preset]
                lines.append(_row(task, preset, own, baseline))
    return "\n".join(lines) + "\n"


def brief(records: Sequence[Record], tasks: Mapping[str, Task]) -> str:
    """One line a task and budget: its chief figure for the presets in BRIEF, and how sure the default beats random."""
    head = ("task", "what counts", *BRIEF, f"A12 (p) of {DEFAULT}", "goal")
    lines = [_line(head), _line(["---"] * len(head))]
    ran = [record for record in records if "skipped" not in record]
    for budget, (name, task) in product(BUDGETS, tasks.items()):
        of_task = [record for record in ran if record["task"] == name and record["budget"] == budget]
        if not of_task:
            continue
        by_preset = [[record for record in of_task if record["preset"] == preset] for preset in BRIEF]
        default = next((own for preset, own in zip(BRIEF, by_preset, strict=True) if preset == DEFAULT), [])
        against = _against(task, default, by_preset[0]) if default else ""
        cells = [_chief_cell(task, own) if own else "" for own in by_preset]
        lines.append(_line([f"{name}, {_amount(of_task[0])}", COUNTED[task.chief], *cells, against, task.goal]))
    return "\n".join(lines) + "\n"


def _chief_cell(task: Task, own: Sequence[Record]) -> str:
    if task.chief == "evaluations":
        firsts = [record["first"] or math.inf for record in own]
        return f"{_spread(firsts)} ({sum(map(math.isfinite, firsts))}/{len(own)})"
    return _spread([chief(task, record) for record in own])


def chief(task: Task, record: Record) -> float:
    """The figure presets are compared by, larger is better."""
    if task.chief == "evaluations":
        return -float(record["first"] or math.inf)
    return float(record[{"roots": "roots_broken", "pairs": "pairs", "faults": "faults_kept"}[task.chief]])


def _row(task: Task, preset: str, own: Sequence[Record], baseline: Sequence[Record]) -> str:
    firsts = [record["first"] or math.inf for record in own]
    found = sum(math.isfinite(first) for first in firsts)
    severity = [record["margin_median"] for record in own if record["margin_median"] is not None]
    cells = {
        "evaluations": f"{_spread(firsts)} ({found}/{len(own)})",
        "roots": f"{_spread([record['roots_broken'] for record in own])} of {own[0]['roots']}",
        "failures": _spread([record["failures"] for record in own]),
        "kept": _kept(own),
        "faults": _spread_of(own, "faults_kept"),
        "pairs": _spread_of(own, "pairs"),
        "severity": f"{Quartiles.of(severity).median:.3g}" if severity else "",
    }
    cells[task.chief] = f"**{cells[task.chief]}**"
    budget = f"{own[0]['task']}, {_amount(own[0])}"
    seconds = sum(record["cpu_s"] for record in own) / len(own)
    return _line(
        [
            budget,
            preset,
            own[0]["guidance"],
            str(len(own)),
            *cells.values(),
            _against(task, own, baseline),
            f"{seconds:.1f}",
        ]
    )


def _kept(own: Sequence[Record]) -> str:
    """The share that keeps its label, by whoever judges it; that nobody does is said, and likeness called so."""
    if "judge" in own[0] and own[0]["judge"] is None:
        alike = [record["likeness"] for record in own if "likeness" in record]
        return "no judge" + (f" (likeness {Quartiles.of(alike).median:.2f})" if alike else "")
    return _share(own, "kept") + (f" ({filtered} filtered)" if (filtered := _share(own, "kept_filtered")) else "")


def _spread_of(own: Sequence[Record], name: str) -> str:
    """Over the runs that have it; "" where none has."""
    values = [record[name] for record in own if record.get(name) is not None]
    return _spread(values) if values else ""


def _share(own: Sequence[Record], name: str) -> str:
    """Mean over the runs that have it; "" where none has."""
    shares = [record[name] for record in own if record.get(name) is not None]
    return f"{100 * sum(shares) / len(shares):.0f} %" if shares else ""


def _against(task: Task, own: Sequence[Record], baseline: Sequence[Record]) -> str:
    if not baseline or own[0]["preset"] == BASELINE:
        return ""
    ours, theirs = ([chief(task, record) for record in part] for part in (own, baseline))
    return f"{a12(ours, theirs):.2f} ({p_value(ours, theirs):.2g})"


def _amount(record: Record) -> str:
    if record["budget"] == "passes":
        return f"{record['allowed']:g} passes"
    return f"{record['allowed']:g} s" if record["budget"] == "seconds" else f"{int(record['allowed']):,}"


def _spread(values: Sequence[float]) -> str:
    """ "1,202 [800, 2,031]": median and quartiles."""
    quartiles = Quartiles.of([float(value) for value in values])
    low, median, high = (_short(value) for value in (quartiles.low, quartiles.median, quartiles.high))
    return median if low == high == median else f"{median} [{low}, {high}]"


def _short(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "-"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
