"""What an input does is told alike by a campaign, by what confirms it, by replay and by pytest, and ends none of them.

The whole of it is `scripts/bench matrix`; its figures stand in docs/failures-matrix.md.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from codefuzz import places
from codefuzz.every_kind import HANG, WAYS, payload
from faults.drawn import drawn

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine

DOCUMENT = Path(__file__).parents[2] / "docs" / "failures-matrix.md"
LONG = {name for name, (told, _) in WAYS.items() if told == HANG or told[0] in ("slow", "leak", "memory")}
"""Each takes some seconds in each place."""

DRAWN, DRAWN_LONG = 14, 1

pytestmark = pytest.mark.skipif(bool(AtherisEngine().available()), reason=AtherisEngine().available() or "available")


def test_there_are_two_hundred_kinds_and_more_and_no_input_does_what_another_does():
    assert len(WAYS) >= 200
    assert len({payload(name) for name in WAYS}) == len(WAYS)
    assert len({told for told, _ in WAYS.values()}) >= 60


def test_the_document_has_the_figures_of_all_kinds():
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", DOCUMENT.read_text(), re.M)
    counts = {}
    for (kind, _), _function in WAYS.values():
        counts[kind] = counts.get(kind, 0) + 1
    assert {kind: int(count) for kind, count in rows} == counts


@pytest.mark.slow
def test_each_kind_is_told_alike_in_all_places_and_the_campaign_goes_on(tmp_path):
    quick = drawn([name for name in WAYS if name not in LONG], DRAWN)
    long = drawn(sorted(LONG), DRAWN_LONG)
    with places.opened(tmp_path) as opened:
        answers = list(opened.answers([*quick, *long]))
    assert len(answers) == (DRAWN + DRAWN_LONG) * len(places.PLACES)
    assert [words for one in answers if (words := places.wrong(*one))] == []
