"""The report for machines: everything that the page shows, as one JSON document."""

from __future__ import annotations

from typing import Any

import msgspec

from mlfuzz.progress import stats_record
from mlfuzz.report import operator_costs, weakness
from mlfuzz.report.summary import Summary
from mlfuzz.slices import Slice

SCHEMA = "mlfuzz.report/1"


def outline(summary: Summary) -> dict[str, Any]:
    """Verdict, weaknesses, faults with their findings, what was set aside, statistics and warnings."""
    return {
        "schema": SCHEMA,
        "campaign": summary.stats.campaign,
        "verdict": summary.verdict,
        "weaknesses": weakness.outline(summary),
        "faults": [
            {"key": fault.key, "title": fault.title, "findings": [msgspec.to_builtins(one) for one in fault.members]}
            for fault in summary.faults
        ],
        "candidates": [one.id for one in summary.candidates],
        "flaky": [one.id for one in summary.flaky],
        "set_aside": [one.id for one in summary.set_aside],
        "stats": stats_record(summary.stats),
        "slices": {"tried": summary.slices[1], "found": [_slice(one) for one in summary.slices[0]]},
        "operator_costs": operator_costs.outline(summary.stats, summary.faults),
        "warnings": list(summary.warnings),
        "damage": {**summary.integrity.counts(), "losses": msgspec.to_builtins(summary.integrity.losses)},
    }


def _slice(one: Slice) -> dict[str, Any]:
    return {
        "name": one.name, "text": one.text, "seeds": list(one.seeds), "rate": one.rate, "interval": [one.low, one.high],
        "others": one.others, "q": one.q,
    }  # fmt: skip
