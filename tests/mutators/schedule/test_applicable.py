"""Operators that find nothing to do in the seeds are dealt no rows."""

from __future__ import annotations

import numpy as np

from mlfuzz.batch import TextRows
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text
from mlfuzz.mutators.base import defaults, select
from mlfuzz.mutators.schedule.applicable import applicable
from mlfuzz.testing.rows import example_rows

NAMES = ["text.date_form", "text.number_words", "text.upper"]


def shares(*texts: str) -> dict[str, float]:
    mutators = select("text", NAMES)
    return dict(zip(NAMES, applicable(mutators, TextRows(texts, Text())).tolist(), strict=True))


def test_the_share_is_that_of_the_texts_with_something_to_do():
    assert shares("on 5 March 2024", "no date", "7 birds", "no bird") == {
        "text.date_form": 0.25,
        "text.number_words": 0.5,
        "text.upper": 1.0,
    }


def test_many_rows_are_looked_at_here_and_there():
    assert shares(*["no date"] * 5000, *["on 2024-03-05"] * 5000)["text.date_form"] == 0.5


def test_what_proposes_no_sites_applies_everywhere():
    parts = defaults("image")
    assert np.array_equal(applicable(parts, example_rows(Image((8, 8)), 4)), np.ones(len(parts)))


def test_where_nothing_applies_or_there_are_no_rows_nothing_is_known():
    assert set(shares("", "...").values()) == {1.0}
    assert np.array_equal(applicable(select("text", NAMES), TextRows((), Text())), np.ones(3))
