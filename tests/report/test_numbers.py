"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest

from mlfuzz.report.numbers import clock, figure, grouped, moment, percent, short


@pytest.mark.parametrize(
    ("made", "read"),
    [
        (short(1_234_567), "1.23M"),
        (short(12_345), "12.3k"),
        (short(640), "640"),
        (short(0.3149), "0.315"),
        (grouped(184_210), "184\u202f210"),
        (percent(0.1234), "12.3 %"),
        (percent(0.0041), "0.41 %"),
        (percent(1e-6), "< 0.01 %"),
        (percent(0.0), "0 %"),
        (percent(1.0), "100 %"),
        (figure(None), "–"),
        (figure(math.nan), "NaN"),
        (figure(-math.inf), "-∞"),
        (figure(0.43001), "0.43"),
        (clock(252), "4:12"),
        (clock(7500), "2:05:00"),
        (moment("2025-01-02T03:04:05+01:00"), "2025-01-02 02:04 UTC"),
        (moment("soon"), "soon"),
    ],
)
def test_a_number_reads_well(made, read):
    assert made == read
