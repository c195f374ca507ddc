"""Mistuned settings are said; well-tuned ones are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlfuzz.budget import Budget
from mlfuzz.campaign.worker import diagnostics
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.examples import digits


def warnings(accepting: float | None, *, rows: int = 30_000, entries: int = 300) -> list[str]:
    covered = {"share": 0.4} if accepting is None else {"accepting": accepting, "radius": 0.3}
    return diagnostics.radius(covered, rows=rows, entries=entries, seeds=100)


@pytest.mark.parametrize(("accepting", "word"), [(0.5, "50%"), (0.21, "tells nothing apart"), (0.0, "next to nothing")])
def test_a_radius_that_admits_nearly_all_or_nothing_is_said(accepting: float, word: str) -> None:
    (warning,) = warnings(accepting)
    assert word in warning


def test_a_radius_that_holds_its_rate_or_has_not_settled_is_not_said() -> None:
    assert warnings(0.01) == []
    assert warnings(0.5, rows=1_000) == []
    assert warnings(0.0, rows=10_000) == []


def test_a_criterion_without_a_radius_is_said_where_it_admitted_nothing() -> None:
    assert warnings(None) == []
    assert "next to nothing" in warnings(None, entries=100)[0]
    assert diagnostics.radius({}, rows=30_000, entries=100, seeds=100) == []  # no criterion at all


def test_an_oracle_that_fails_on_nearly_everything_is_said_by_name() -> None:
    (warning,) = diagnostics.oracles(("label", "nonfinite"), (1_900, 3), (2_000, 2_000))
    assert warning.startswith("oracle label fails on 95% of all inputs")
    assert diagnostics.oracles(("label",), (90,), (100,)) == []


def test_limits_that_refuse_everything_are_said_once() -> None:
    assert diagnostics.filters(rows=5_000, unjudged=4_900, dropped=4_900) == [
        "the limits refuse nearly every input: nothing is left to judge; widen them"
    ]
    assert "over half" in diagnostics.filters(rows=5_000, unjudged=3_000, dropped=3_000)[0]
    assert "no oracle fits" in diagnostics.filters(rows=5_000, unjudged=4_900, dropped=0)[0]
    assert diagnostics.filters(rows=5_000, unjudged=100, dropped=50) == []


def test_a_campaign_says_that_its_limits_refuse_everything(tmp_path: Path) -> None:
    options = {"preset": "random", "mutators": ["image.rotate"], "limits": {"l0": 1e-6}, "batch": 128, "max_seeds": 20}
    with Campaign.open(tmp_path / "c", digits.fragile(), **options) as campaign:
        stats = campaign.run(Budget(inputs=1_300), triage_here=False).stats
    assert any("refuse nearly every input" in text for text in stats.warnings)
