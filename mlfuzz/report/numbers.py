"""Numbers as people read them in a report."""

from __future__ import annotations

import math
from datetime import UTC, datetime

NARROW = "\u202f"
"""A narrow space between thousands: does not break, and is no decimal point anywhere."""


def grouped(number: int | float) -> str:
    """ "184 210"."""
    return f"{round(number):,}".replace(",", NARROW)


def short(number: float) -> str:
    """ "1.2M", "12k", "640", "0.31": for axes and tiles."""
    size = abs(number)
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            return f"{number / (limit if unit != 'k' else 1e3):.3g}{unit}"
    if size >= 100 or number == round(number):
        return grouped(number)
    return f"{number:.3g}"


def percent(share: float) -> str:
    """ "12.3 %", "0.41 %", "< 0.01 %"."""
    value = 100 * share
    if value == 0 or value >= 99.95:
        return f"{value:.0f} %"
    if value < 0.01:
        return "< 0.01 %"
    return f"{value:.1f} %" if value >= 1 else f"{value:.2g} %"


def figure(value: float | None) -> str:
    """Three digits that mean something, or a dash where there is no number."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    return f"{value:.3g}" if abs(value) < 1e5 else f"{value:.2e}"


def moment(iso: str) -> str:
    """ "2025-01-02 03:04 UTC" of an ISO time; another text stays as it is."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if when.tzinfo else f"{when:%Y-%m-%d %H:%M}"


def clock(seconds: float) -> str:
    """ "4:12", "2:05:00": for axes of time."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def counted(count: int, single: str, several: str = "") -> str:
    """ "1 fault", "3 faults", "2 weaknesses"."""
    return f"{count:,} {single if count == 1 else several or single + 's'}"
