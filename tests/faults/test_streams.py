"""No stream ends what a command does: what it cannot show is an escape, what it cannot take is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.drawn import drawn, matrix

STREAMS = matrix("streams")
LONG = ("fuzz", "check", "replay", "harness run")
CAMPAIGNS = [one for one in STREAMS.cases() if one.partition(": ")[2].startswith(LONG)]
OTHERS = [one for one in STREAMS.cases() if one not in CAMPAIGNS]


@pytest.mark.slow
@pytest.mark.parametrize("case", drawn(OTHERS, 4))
def test_a_verb_survives_each_stream_and_its_exit_code_stays_true(case: str, tmp_path: Path) -> None:
    assert STREAMS.broken(case, tmp_path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("case", drawn(CAMPAIGNS, 1))
def test_a_campaign_survives_each_stream_and_its_exit_code_stays_true(case: str, tmp_path: Path) -> None:
    assert STREAMS.broken(case, tmp_path) == ""
