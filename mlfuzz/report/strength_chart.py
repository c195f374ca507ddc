"""The share of seeds that still hold at a strength, as a falling line in the band of its interval."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from mlfuzz.report.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from mlfuzz.report.numbers import percent
from mlfuzz.robustness import Point

MARKS = (0.0, 0.25, 0.5, 0.75, 1.0)
MOST_HOVERS = 40


def strength_chart(points: Sequence[Point], *, name: str) -> Markup:
    """Both axes go from 0 to 1, so that any two of them compare. name: read out to those who cannot see it.

    Empty where there are fewer than two points.
    """
    if len(points) < 2:
        return Markup("")
    parts = [_grid(mark) for mark in MARKS] + [_tick(mark) for mark in MARKS]
    line = _steps([(point.strength, point.share) for point in points])
    high = _steps([(point.strength, point.high) for point in points])
    low = _steps([(point.strength, point.low) for point in points])
    parts.append(
        Markup('<polygon class="area" points="{}"/><polyline class="line" points="{}"/>').format(
            _text([*high, *reversed(low)]), _text(line)
        )
    )
    parts += [_hover(point) for point in points[:: max(1, len(points) // MOST_HOVERS)]]
    last = points[-1]
    parts.append(
        Markup('<circle class="end" cx="{:.1f}" cy="{:.1f}" r="3.2"/>').format(_x(last.strength), _y(last.share))
    )
    label = f"{name}: {percent(last.share)} still hold at full strength ({percent(last.low)} to {percent(last.high)})"
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, label, Markup("").join(parts)
    )


def _x(strength: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * strength


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A share holds from its strength up to the next."""
    shape = [points[0]]
    for (_, before), (strength, share) in pairwise(points):
        shape += [(strength, before), (strength, share)]
    return shape


def _text(shape: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_x(strength):.1f},{_y(share):.1f}" for strength, share in shape)


def _grid(share: float) -> Markup:
    return Markup(
        '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
        '<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
    ).format(LEFT, WIDTH - RIGHT, _y(share), _y(share), LEFT - 6, _y(share) + 3.5, f"{100 * share:.0f} %")


def _tick(strength: float) -> Markup:
    return Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{:g}</text>').format(
        _x(strength), HEIGHT - 8, strength
    )


def _hover(point: Point) -> Markup:
    text = f"at {point.strength:.3g}: {percent(point.share)} hold ({percent(point.low)} to {percent(point.high)})"
    return Markup('<circle class="hover" cx="{:.1f}" cy="{:.1f}" r="7"><title>{}</title></circle>').format(
        _x(point.strength), _y(point.share), text
    )
