"""Curves, whiskers and bars as inline SVG. Colours are classes, so that a page's theme decides on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

from markupsafe import Markup, escape

Points: TypeAlias = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 420, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 26
MOST_POINTS = 240


def curve(
    points: Points, *, name: str, x_text: Callable[[float], str], y_text: Callable[[float], str], step: bool = False
) -> Markup:
    """One line over its area, with ticks; `name` is read out to those who cannot see it. step: counts that jump.

    Empty where there are fewer than two points.
    """
    if len(points) < 2:
        return Markup("")
    kept = thin(points)
    right, top = max(x for x, _ in kept) or 1.0, max(y for _, y in kept)
    x_ticks, y_ticks = ticks(right, 5), ticks(top or 1.0, 4)
    high = max(top, y_ticks[-1])

    def x_at(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * x / right

    def y_at(y: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / high

    shape = _steps(kept) if step else kept
    line = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in shape)
    area = f"{x_at(shape[0][0]):.1f},{y_at(0):.1f} {line} {x_at(shape[-1][0]):.1f},{y_at(0):.1f}"
    parts = [_grid(y_at(y), y_text(y)) for y in y_ticks]
    parts += [_tick(x_at(x), x_text(x)) for x in x_ticks if x <= right * 1.001]
    parts.append(Markup('<polygon class="area" points="{}"/><polyline class="line" points="{}"/>').format(area, line))
    parts += [_hover(x_at(x), y_at(y), f"{x_text(x)}: {y_text(y)}") for x, y in kept[:: max(1, len(kept) // 40)]]
    last_x, last_y = kept[-1]
    parts.append(Markup('<circle class="end" cx="{:.1f}" cy="{:.1f}" r="3.2"/>').format(x_at(last_x), y_at(last_y)))
    label = f"{name}: from {y_text(kept[0][1])} to {y_text(last_y)} in {x_text(right)}"
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, label, Markup("").join(parts)
    )


def whisker(low: float, share: float, high: float, most: float, *, width: int = 180) -> Markup:
    """A share and its interval on a scale from 0 to `most`."""
    scale = (width - 10) / (most or 1.0)
    x = [5 + scale * min(value, most) for value in (low, share, high)]
    return Markup(
        '<svg class="whisker" viewBox="0 0 {} 16" width="{}" height="16" aria-hidden="true">'
        '<line class="base" x1="5" x2="{}" y1="8" y2="8"/>'
        '<line class="reach" x1="{:.1f}" x2="{:.1f}" y1="8" y2="8"/>'
        '<circle class="dot" cx="{:.1f}" cy="8" r="3.6"/></svg>'
    ).format(width, width, width - 5, x[0], x[2], x[1])


def bar(share: float, *, width: int = 120, kind: str = "") -> Markup:
    """A share of 1 as a bar. kind: a class of the page's style."""
    filled = width * min(1.0, max(0.0, share))
    return Markup(
        '<svg class="bar {}" viewBox="0 0 {} 10" width="{}" height="10" aria-hidden="true">'
        '<rect class="rail" width="{}" height="10" rx="3"/><rect class="fill" width="{:.1f}" height="10" rx="3"/></svg>'
    ).format(escape(kind), width, width, width, filled)


def ticks(most: float, count: int) -> list[float]:
    """Round numbers from 0 to at least `most`, about `count` of them. most > 0."""
    rough = most / count
    size = 10.0 ** math.floor(math.log10(rough))
    unit = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough * 0.999)
    return [unit * at for at in range(math.ceil(most / unit - 1e-9) + 1)]


def thin(points: Points) -> list[tuple[float, float]]:
    """At most MOST_POINTS of them, evenly, the first and the last among them."""
    if len(points) <= MOST_POINTS:
        return list(points)
    stride = (len(points) - 1) / (MOST_POINTS - 1)
    return [points[round(at * stride)] for at in range(MOST_POINTS)]


def _steps(points: Points) -> list[tuple[float, float]]:
    shape = [points[0]]
    for (_, before), (x, y) in pairwise(points):
        shape += [(x, before), (x, y)]
    return shape


def _grid(y: float, text: str) -> Markup:
    return Markup(
        '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
        '<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
    ).format(LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 3.5, text)


def _tick(x: float, text: str) -> Markup:
    return Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(x, HEIGHT - 8, text)


def _hover(x: float, y: float, text: str) -> Markup:
    return Markup('<circle class="hover" cx="{:.1f}" cy="{:.1f}" r="7"><title>{}</title></circle>').format(x, y, text)
