"""Curves: what they show, and that names in them cannot break out."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from mlfuzz.report.chart import MOST_POINTS, curve, thin, ticks, whisker
from mlfuzz.report.numbers import clock, short


@pytest.mark.parametrize("most", [0.004, 0.9, 1, 7, 30.4, 184_210, 3e9])
def test_ticks_are_round_few_and_reach_the_top(most):
    found = ticks(most, 4)
    assert found[0] == 0
    assert found[-1] >= most > found[-2]
    assert 3 <= len(found) <= 8


def test_a_long_curve_keeps_its_ends():
    points = [(float(at), float(at * at)) for at in range(5000)]
    kept = thin(points)
    assert len(kept) == MOST_POINTS
    assert (kept[0], kept[-1]) == (points[0], points[-1])


def test_a_curve_is_well_formed_and_its_name_is_escaped():
    svg = curve([(0, 0), (1, 5), (2, 7)], name='"><script>x</script>', x_text=clock, y_text=short)
    tree = ET.fromstring(str(svg))
    assert "script" not in {part.tag for part in tree.iter()}
    assert tree.attrib["aria-label"].startswith('"><script>')


def test_a_curve_of_nothing_but_zeros_lies_on_the_ground():
    svg = curve([(0, 0), (1, 0)], name="x", x_text=clock, y_text=short)
    assert "nan" not in svg.lower()


def test_one_point_is_no_curve():
    assert curve([(0, 1)], name="x", x_text=clock, y_text=short) == ""


def test_a_whisker_stays_within_its_box():
    tree = ET.fromstring(str(whisker(0.1, 0.2, 5.0, 0.3, width=100)))
    assert all(0 <= float(tree_part.attrib["x2"]) <= 100 for tree_part in tree if "x2" in tree_part.attrib)
