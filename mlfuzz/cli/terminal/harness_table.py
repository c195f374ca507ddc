"""The panel of a harness campaign: a row of figures a harness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from mlfuzz.cli.terminal.campaign_view import CampaignView
from mlfuzz.cli.terminal.panel import HINT
from mlfuzz.report.numbers import clock, short
from mlfuzz.report.visible import visible

COLUMNS = ("harness", "inputs", "edges", "features", "corpus", "failures", "kinds", "restarts", "time")


def harness_table(board: CampaignView, time: str, width: int) -> tuple[RenderableType, str]:
    """What stands in the panel, and below it."""
    table = Table(box=None, padding=(0, 1), show_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "harness" else "right")
    for row in board.harnesses.values():
        table.add_row(*_cells(row))
    if not board.harnesses:
        table.add_row("importing the harness, running its seeds ...", *[""] * (len(COLUMNS) - 1))
    rate = f"{board.latest.inputs_per_s:,.0f}/s  " if board.latest else ""
    return table, f"{rate}{time}  {board.counts()}   {HINT}"


def _cells(row: Mapping[str, Any]) -> list[str]:
    if row.get("broken"):
        return [visible(str(row["name"])), "broken", *[""] * (len(COLUMNS) - 2)]
    return [
        visible(str(row["name"])), short(row["executions"]), f"{row['edges']:,}", f"{row['features']:,}",
        f"{row['corpus']:,}", short(row["failures"]), str(row["buckets"]), str(row["restarts"]),
        clock(float(row["seconds"])),
    ]  # fmt: skip
