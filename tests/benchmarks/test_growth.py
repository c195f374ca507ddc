"""The bench of growth fills a real campaign, and its line has every figure."""

from __future__ import annotations

import json
from typing import Any

import growth
import pytest


def test_the_quiet_quarter_is_that_of_the_whole_batch() -> None:
    rounds = [{"mutate": 1.0, "all": 5.0}, {"mutate": 9.0, "all": 2.0}, {"all": 7.0}, {"mutate": 0.0, "all": 9.0}]
    assert growth.quiet(rounds) == {"mutate": 9.0, "all": 2.0}


@pytest.mark.slow
def test_a_size_is_a_line_with_every_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "SMALL", 200)
    monkeypatch.setattr(growth, "QUERIES", 256)
    line: dict[str, Any] = growth.measure(600, batches=2, batch=64, settle=1)
    assert json.loads(json.dumps(line)) == line
    assert line["entries"] >= 600 > line["small_entries"] >= growth.SMALL
    assert set(line["us"]) == {"mutate", "execute", "judge", "novelty", "store", "all"}
    assert line["ratio"] > 0
    assert line["resume_s"] > 0
    assert line["bytes_an_entry"] is not None
    assert line["wrong_known"] == 0.0  # the index answers with distances to real entries: it errs one way alone
