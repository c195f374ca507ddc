"""Least strengths in words, numbers and lines: what `robustness`, `compare` and the report show of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from mlfuzz.report.numbers import percent
from mlfuzz.report.strength_chart import strength_chart
from mlfuzz.robustness import Area, Paired, PairedRobustness, Point, Robustness, curve

SHOWN_AT = (0.125, 0.25, 0.375, 0.5, 0.75, 1.0)
"""Strengths that a line of a curve is told at: closer where most break."""

FIRST = 10
"""Seeds that break first, as many as are told."""

MOST_GROUPS = 12

DRAWN = 8
"""Operators whose curves are drawn beside the model's: with it three rows of three."""

HEADS = ("operator", "area", "95 %", "at 1/4", "at 1/2", "at 1", "seeds")


def holding(points: Sequence[Point], strength: float) -> float:
    """The share that still holds at a strength, of a curve that falls in steps."""
    return [point for point in points if point.strength <= strength][-1].share


def area_text(area: Area) -> str:
    """ ".873 (.79-.93)" """
    return f"{area.value:.3f} ({area.low:.2f}-{area.high:.2f})"


def operator_rows(found: Robustness) -> list[tuple[str, ...]]:
    """Of each operator that judged anything, worst first, under HEADS; what has no strengths has no area."""
    rows = []
    for one in found.worst_first():
        points = curve(one)
        shares = [percent(holding(points, at)) for at in (0.25, 0.5, 1.0)]
        if one.scaled:
            area = Area.of_operator(one)
            cells = (f"{area.value:.3f}", f"{area.low:.2f}-{area.high:.2f}", *shares)
        else:
            cells = ("no scale", "", "", "", shares[-1])
        rows.append((one.name, *cells, str(len(one.known()))))
    return rows


def unjudged_text(found: Robustness) -> str:
    """What of it says nothing, in words; "" where all was judged."""
    none = [one.name for one in found.operators if not one.known()]
    some = sum(len(one.unjudged) for one in found.operators if one.known())
    parts = [f"nothing judges what {', '.join(none)} make{'s' if len(none) == 1 else ''} of a seed"] if none else []
    parts += [f"{some} pairs of an operator and a seed were not judged and count nowhere"] if some else []
    return "; ".join(parts)


def first_rows(found: Robustness) -> list[tuple[str, ...]]:
    """Seed, label, its own area, what breaks it first, and at which strength."""
    return [
        (one.seed.name, one.seed.label or "", f"{one.area:.3f}", one.operator, f"{one.least:.3g}", str(one.operators))
        for one in found.first(FIRST)
    ]


def curve_line(points: Sequence[Point]) -> str:
    """ "98 %  91 %  ..." at SHOWN_AT."""
    return "  ".join(f"{percent(holding(points, at)):>6}" for at in SHOWN_AT)


def strengths_line() -> str:
    """The head of such lines."""
    return "  ".join(f"{at:>6g}" for at in SHOWN_AT)


def changed(pair: PairedRobustness, *, sure: float) -> Iterator[tuple[str, Paired]]:
    """Operators whose area has changed beyond chance, the largest change first."""
    moved = sorted(pair.operators.items(), key=lambda item: (-abs(_change(item[1])), item[0]))
    return ((name, one) for name, one in moved if one.p < sure)


def document(found: Robustness) -> dict[str, Any]:
    """For machines: the record, and what follows from it. A curve is [strength, share, low, high] at each step."""
    return {
        "number": _area(found.number()),
        "curve": [list(point) for point in found.mean_curve()],
        "by_operator": {
            one.name: {"area": _area(Area.of_operator(one)) if one.scaled else None, "curve": _curve(curve(one))}
            for one in found.worst_first()
        },
        "by_class": {
            label: {
                "number": _area(found.number(members)),
                "by_operator": {
                    one.name: {"area": _area(Area.of_operator(one, members)), "curve": _curve(curve(one, members))}
                    for one in found.scaled
                    if one.known(members)
                },
            }
            for label, members in found.classes().items()
        },
        "by_group": {text: {"number": _area(area), "curve": points} for text, area, points in _groups(found)},
        "breaks_first": [
            {"seed": one.seed.name, "label": one.seed.label, "area": one.area, "operator": one.operator,
             "least": one.least, "operators": one.operators}
            for one in found.first(len(found.seeds))
        ],
        "record": msgspec.to_builtins(found),
    }  # fmt: skip


def section(found: Robustness | None, digest: str) -> dict[str, Any]:
    """What the report's page draws: the model's curve, those of its weakest operators, seeds and classes; {}: nothing.

    Nothing too where no operator has strengths. digest: of the campaign's target, "" where it is not known.
    """
    if found is None or not found.scaled:
        return {}
    whole, weakest = found.number(), found.worst_first()[:DRAWN]
    drawn = [("all operators", area_text(whole), found.mean_curve())]
    drawn += [(one.name, area_text(Area.of_operator(one)), curve(one)) for one in weakest if one.scaled]
    changed = "" if digest in ("", found.digest) else " It was measured on another state of the model: measure again."
    return {
        "lead": f"Share of {whole.seeds} seeds that still hold at a strength, with its 95 % interval. Full strength, 1,"
        f" is the most that the limits let an operator do in one step; the number is the area under the curve, over"
        f" {len(found.scaled)} operators and {found.evaluations:,} mutants: 1 where nothing breaks.{changed}",
        "curves": [
            {"title": title, "area": area, "svg": strength_chart(points, name=title)} for title, area, points in drawn
        ],
        "unjudged": unjudged_text(found),
        "first": first_rows(found),
        "groups": [(text, area) for text, area, _ in _groups(found)[:MOST_GROUPS]],
        "classes": sorted(
            ((label, found.number(members)) for label, members in found.classes().items()),
            key=lambda item: (item[1].value, item[0]),
        ),
    }


def weakest_groups(found: Robustness, most: int) -> list[str]:
    """Groups of seeds other than classes, weakest first: "dark (brightness up to 0.2) .812"."""
    return [f"{text} {area.value:.3f}" for text, area, _ in _groups(found)[:most]]


def _groups(found: Robustness) -> list[tuple[str, Area, list[list[float]]]]:
    """Text, area and curve of each group of seeds, weakest first."""
    groups = [
        (text, found.number(members), _curve(found.mean_curve(members))) for text, members in found.groups().items()
    ]
    return sorted(groups, key=lambda item: (item[1].value, item[0]))


def paired_document(pair: PairedRobustness) -> dict[str, Any]:
    """The same of two models."""
    return {
        "whole": _paired(pair.whole),
        "by_operator": {name: _paired(one) for name, one in pair.operators.items()},
        "curves": [[list(point) for point in points] for points in pair.curves],
        "left_out": pair.left_out,
    }


def _change(pair: Paired) -> float:
    return pair.after.value - pair.before.value


def _area(area: Area) -> list[float]:
    return [area.value, area.low, area.high, area.seeds]


def _curve(points: Sequence[Point]) -> list[list[float]]:
    return [list(point) for point in points]


def _paired(pair: Paired) -> dict[str, Any]:
    return {"before": _area(pair.before), "after": _area(pair.after), "better": pair.better, "worse": pair.worse,
            "p": pair.p}  # fmt: skip
