"""The report's tables and curves, as plain rows: what the templates lay out."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from mlfuzz.budget import in_words
from mlfuzz.discoveries import new_faults
from mlfuzz.findings.fingerprint import answer_of
from mlfuzz.progress import SEVERITY_BINS, OperatorStats, Stats
from mlfuzz.rates import wilson
from mlfuzz.report.chart import bar, curve, whisker
from mlfuzz.report.numbers import clock, counted, figure, grouped, percent, short
from mlfuzz.report.summary import Summary

MOST_LABELS = 24
"""A larger confusion is a list of the most frequent flips instead of a square."""

HEAT_STEPS = 8

FAULTS_TO_GROUP = 8
GROUPS = 8

INTERNAL = frozenset({"entries", "tier", "accepting", "acceptance"})
"""Figures of a criterion that tell people nothing, or that another curve shows."""


class Curve(NamedTuple):
    """now: its last value, in words. svg: the whole of it."""

    title: str
    now: str
    svg: Markup


class Rate(NamedTuple):
    """A failure rate with its 95 % interval; heat: 0 .. HEAT_STEPS for the colour of its cell."""

    rows: int
    failures: int
    share: float
    low: float
    high: float
    heat: int

    @property
    def text(self) -> str:
        """In percent; a dash where it was not tried."""
        return percent(self.share) if self.rows else "–"

    @property
    def tooltip(self) -> str:
        """For the tooltip of a cell."""
        if not self.rows:
            return "not tried"
        return f"{self.failures} of {grouped(self.rows)} rows: {percent(self.low)} to {percent(self.high)}"


class OperatorRow(NamedTuple):
    """Of one operator: its rate over all, and in each fifth of its range. gains, unjudged: rows."""

    name: str
    all: Rate
    bins: tuple[Rate, ...]
    svg: Markup
    gains: int
    unjudged: int


class ChainStep(NamedTuple):
    """What to do next."""

    why: str
    command: str


def next_steps(summary: Summary) -> list[ChainStep]:
    """Commands that make sense after this campaign, the most useful first."""
    if of_code(summary):
        return _code_steps(summary)
    name = shlex.quote(summary.stats.campaign)
    load = str(summary.stats.target.get("load") or summary.stats.target.get("name", "TARGET"))
    target = shlex.quote(load.removeprefix("mlfuzz.examples."))  # shipped ones have a short name
    resume = ChainStep("go on where it stopped", f"mlfuzz fuzz {target} --name {name} --time 10m{summary.options}")
    if summary.verdict == "broken":
        return [
            ChainStep("see why nothing ran", f"mlfuzz check {target}"),
            ChainStep("look at the machine", "mlfuzz doctor"),
        ]
    if summary.verdict == "unstable":
        return [ChainStep("see what differs from run to run", f"mlfuzz check {target}"), resume]
    if summary.verdict == "clean":
        return [
            ChainStep("look for longer", f"mlfuzz fuzz {target} --name {name} --time 1h{summary.options}"),
            ChainStep("prove that the target is set up right", f"mlfuzz check {target}"),
            ChainStep("see what else can be tried", "mlfuzz list mutators"),
        ]
    waiting = f"give {counted(len(summary.candidates), 'candidate')} a verdict"
    confirm = (
        [ChainStep(waiting, f"mlfuzz findings confirm --name {name}{summary.options}")] if summary.candidates else []
    )
    best = (summary.faults[0].best if summary.faults else summary.candidates[0]).id
    return [
        ChainStep("see the first one fail again", f"mlfuzz replay {best}{summary.options}"),
        ChainStep("read all that is known of it", f"mlfuzz findings show {best}{summary.options}"),
        ChainStep("after a change to the model, try them all", f"mlfuzz replay --name {name}{summary.options}"),
        *confirm,
        resume,
    ]


def of_code(summary: Summary) -> bool:
    """Whether the campaign is of harnesses, and not of a model."""
    return summary.stats.target.get("side") == "code"


def _code_steps(summary: Summary) -> list[ChainStep]:
    name = shlex.quote(summary.stats.campaign)
    named = [str(one) for one in summary.stats.setup.get("harnesses", ())]
    again = f"mlfuzz harness run {' '.join(map(shlex.quote, named))} --name {name}"
    if summary.verdict == "broken":
        return [ChainStep("see which harnesses there are", "mlfuzz harness list"), ChainStep("try again", again)]
    if summary.verdict == "clean":
        return [
            ChainStep("look for longer", f"{again} --time 1h"),
            *(ChainStep("see what was reached", f"mlfuzz harness coverage {shlex.quote(one)}") for one in named[:1]),
        ]
    best = (summary.faults[0].best if summary.faults else summary.candidates[0]).id
    return [
        ChainStep("see the first one fail again", f"mlfuzz replay {best}{summary.options}"),
        ChainStep("keep it, for pytest", f"mlfuzz findings promote {best}{summary.options}"),
        ChainStep("after a change to the code, try them all", f"mlfuzz replay --name {name}{summary.options}"),
        ChainStep("go on where it stopped", f"{again} --time 10m"),
    ]


def harnesses(stats: Stats) -> list[dict[str, Any]]:
    """A row of each harness, with its speed."""
    empty = {"name": "", "executions": 0, "seconds": 0.0, "edges": 0, "features": 0, "corpus": 0, "failures": 0,
             "buckets": 0, "restarts": 0, "broken": "", "blind": []}  # fmt: skip
    rows = [{**empty, **row} for row in stats.harnesses]
    return [{**row, "speed": row["executions"] / row["seconds"] if row["seconds"] else 0.0} for row in rows]


def overview(summary: Summary) -> list[tuple[str, list[tuple[str, int, Markup]]]]:
    """Where there are many faults: by the operator that does them, and by the answer they end in."""
    if len(summary.faults) < FAULTS_TO_GROUP:
        return []
    by_operator = Counter(fault.operator or "seed itself" for fault in summary.faults)
    by_answer = Counter(answer_of(fault.best) or fault.best.kind for fault in summary.faults)
    return [("Faults by mutator", _counted(by_operator)), ("Faults by what came out", _counted(by_answer))]


def _counted(counts: Counter[str]) -> list[tuple[str, int, Markup]]:
    most = max(counts.values())
    return [(name, count, bar(count / most, kind="hot")) for name, count in counts.most_common(GROUPS)]


def focus_on(summary: Summary) -> str:
    """The beginning of the command that digs in a group of seeds, whose name it ends with; "" of live objects."""
    load = str(summary.stats.target.get("load", ""))
    if not load:
        return ""
    known = str(summary.stats.setup.get("target", "")) or load
    name = shlex.quote(known if ":" not in known else load.removeprefix("mlfuzz.examples."))
    return f"mlfuzz fuzz {name} --name {shlex.quote(summary.stats.campaign)}{summary.options} --focus "


def to_come(stats: Stats) -> str:
    """What is still to be found, in words; "" of figures that do not say."""
    return new_faults(stats.discoveries).text() if stats.discoveries.batches else ""


def curves(summary: Summary) -> list[Curve]:
    """Over time: inputs, corpus, findings, and each figure of coverage that moved."""
    lines = summary.progress
    if len(lines) < 2:
        return []
    plans: list[tuple[str, list[float], Callable[[float], str]]] = [
        ("Inputs executed", [line.inputs for line in lines], short),
        ("Corpus entries", [line.entries for line in lines], short),
        ("Findings saved", [line.candidates for line in lines], short),
        ("Share of inputs that were new", [line.p_new for line in lines], percent),
    ]
    for key in lines[-1].coverage:
        values = [line.coverage.get(key, 0.0) for line in lines]
        if key.rpartition(".")[2] not in INTERNAL and len(set(values)) > 1:
            plans.append((f"Coverage: {key}", values, percent if key == "share" else figure))
    made = []
    for title, values, text in plans:
        points = [(line.seconds, float(value)) for line, value in zip(lines, values, strict=True)]
        svg = curve(points, name=title, x_text=clock, y_text=text, step=title.startswith(("Findings", "Corpus")))
        made.append(Curve(title, text(points[-1][1]), svg))
    return made


def failure_rates(stats: Stats) -> list[OperatorRow]:
    """Of each mutator and each fifth of its range; the most damaging first."""
    rates = {name: _rate(one.failures, one.rows) for name, one in stats.operators.items() if one.rows}
    most = max((rate.high for rate in rates.values()), default=1.0)
    order = sorted(rates, key=lambda name: (-rates[name].share, -rates[name].rows, name))
    return [_operator(name, stats.operators[name], rates[name], most) for name in order]


def confusion(stats: Stats) -> Mapping[str, Any]:
    """Flips: a square of labels ("labels", "cells") where there are few, and the most frequent pairs ("pairs").

    Rows of several oracles that say the same count together; what has no expected or observed label is no flip.
    """
    rows: Counter[tuple[str, str]] = Counter()
    for expected, got, count, *_ in stats.confusion:
        if expected and got:
            rows[str(expected), str(got)] += int(count)
    pairs = sorted(((a, b, n) for (a, b), n in rows.items()), key=lambda pair: (-pair[2], pair))
    labels = sorted({label for a, b, _ in pairs for label in (a, b)}, key=lambda text: (len(text), text))
    most = pairs[0][2] if pairs else 1
    cells = [[(rows[a, b], _heat(rows[a, b] / most), a == b) for b in labels] for a in labels]
    square = bool(pairs) and len(labels) <= MOST_LABELS
    return {"labels": labels if square else [], "cells": cells if square else [], "pairs": pairs[:12]}


def layers(stats: Stats) -> list[tuple[str, int, str, Markup]]:
    """Name, units, covered share and its bar of each layer."""
    rows = []
    for layer in (layer for layer in stats.layers if "covered" in layer):
        units, covered = int(layer.get("units", 0)), layer.get("covered", 0)
        share = covered / max(1, units) if isinstance(covered, int) else float(covered)  # a count, or a share
        rows.append((str(layer.get("name", "")), units, percent(share), bar(share)))
    return rows


def timing(stats: Stats) -> list[tuple[str, str, Markup]]:
    """Where the time went, the largest first."""
    total = sum(stats.timing.values()) or 1.0
    ordered = sorted(stats.timing.items(), key=lambda item: -item[1])
    return [(name, percent(seconds / total), bar(seconds / total)) for name, seconds in ordered]


def setup(summary: Summary) -> list[tuple[str, str]]:
    """What was fuzzed, with what, on what."""
    stats = summary.stats
    rows = [(f"target {key}", value) for key, value in stats.target.items()]
    rows += list(stats.setup.items())
    if stats.layers:
        rows.append(("layers watched", [f"{layer.get('name')} ({layer.get('units')})" for layer in stats.layers]))
    rows += [
        ("started", stats.started),
        ("took", in_words(stats.seconds)),
        ("ended", stats.ended or "it has not ended"),
        ("lives", stats.lives),
        ("seeds", _seeds(stats)),
    ]
    return [(key.replace("_", " "), _written(value)) for key, value in rows if value not in ("", None, {}, [])]


def tiles(summary: Summary) -> list[tuple[str, str, str]]:
    """(figure, what it is, more) along the top."""
    stats = summary.stats
    return [
        (
            str(len(summary.faults)),
            "faults",
            ("" if of_code(summary) else f"in {counted(len(summary.weaknesses), 'weakness', 'weaknesses')}; ")
            + f"{counted(summary.confirmed, 'input')}, each failed again alone",
        ),
        (short(stats.inputs), "inputs", f"{short(summary.inputs_per_s)} a second"),
        (in_words(stats.seconds), "time", f"{grouped(stats.batches)} batches"),
        (grouped(stats.entries), "corpus entries", f"from {grouped(stats.seeds.usable)} seeds"),
        (str(len(summary.flaky)), "flaky", "set aside, see below" if summary.flaky else "none"),
    ]


def _operator(name: str, stats: OperatorStats, whole: Rate, most: float) -> OperatorRow:
    bins = tuple(
        _rate(failures, rows) for failures, rows in zip(stats.failures_by_severity, stats.rows_by_severity, strict=True)
    )
    svg = whisker(whole.low, whole.share, whole.high, most)
    return OperatorRow(
        name, whole, (*bins, *[_rate(0, 0)] * (SEVERITY_BINS - len(bins))), svg, stats.gains, stats.unjudged
    )


def _rate(failures: int, rows: int) -> Rate:
    low, high = wilson(failures, rows)
    share = failures / rows if rows else 0.0
    return Rate(rows, failures, share, low, high, _heat(share))


def _heat(share: float) -> int:
    """Steps that tell 0, rare and common apart: by the square root."""
    return 0 if share <= 0 else max(1, round(HEAT_STEPS * min(1.0, share) ** 0.5))


def _seeds(stats: Stats) -> str:
    seeds = stats.seeds
    parts = [f"{seeds.usable} usable, {seeds.labelled} labelled"]
    parts += [f"{count} skipped: {reason}" for reason, count in seeds.skipped.items()]
    if seeds.broken:
        parts.append(f"{seeds.broken} broken by mutants")
    return "; ".join(parts)


def _written(value: Any) -> str:
    if isinstance(value, Mapping) and "name" in value:
        rest = _written({key: item for key, item in value.items() if key != "name" and item not in ("", None)})
        return f"{value['name']} ({rest})" if rest else str(value["name"])
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_written(item)}" for key, item in value.items())
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return grouped(value) if abs(value) >= 10_000 else str(value)
    if isinstance(value, Sequence):
        joined = " x " if value and all(isinstance(item, int) for item in value) else ", "
        count = f"{len(value)}: " if len(value) > 6 else ""
        return count + joined.join(_written(item) for item in value)
    return str(value)
