"""What the report and the verbs show of least strengths."""

from __future__ import annotations

import dataclasses
import re

import msgspec
import pytest

from mlfuzz.report import html
from mlfuzz.report.robustness import curve_line, document, first_rows, holding, operator_rows, section, unjudged_text
from mlfuzz.report.strength_chart import strength_chart
from mlfuzz.report.summary import summarise
from mlfuzz.robustness import OperatorStrengths, Robustness, SeedRef, curve, dumps
from mlfuzz.storage.workdir import Workdir

SEEDS = [SeedRef("<b>one.png", "d0", "a&b"), SeedRef("two.png", "d1", "c"), SeedRef("three.png", "d2", "c")]
FOUND = Robustness(
    target="t", digest="x", seeds=SEEDS, oracles=["label"], levels=4, evaluations=1234,
    operators=[
        OperatorStrengths("image.blur", "blur", [0.25, 0.5, None]),
        OperatorStrengths("image.shift", "geometry", [None, None, None]),
        OperatorStrengths("image.flip", "geometry", [1.0, None, None], scaled=False),
        OperatorStrengths("image.blank", "edge", [None] * 3, unjudged=[0, 1, 2], scaled=False),
    ],
)  # fmt: skip

FOUND_NOTHING = msgspec.structs.replace(FOUND, operators=FOUND.operators[2:])


def test_rows_stand_worst_first_and_what_says_nothing_is_named():
    assert [row[:2] for row in operator_rows(FOUND)] == [
        ("image.blur", "0.583"), ("image.shift", "1.000"), ("image.flip", "no scale"),
    ]  # fmt: skip
    assert "image.blank" in unjudged_text(FOUND)
    assert [row[0] for row in first_rows(FOUND)] == ["<b>one.png", "two.png"]


def test_a_curve_is_told_at_the_strengths_of_its_head():
    points = curve(FOUND.operators[0])
    assert [round(holding(points, at), 2) for at in (0.2, 0.25, 0.4, 0.5, 1)] == [1, 0.67, 0.67, 0.33, 0.33]
    assert len(re.findall("%", curve_line(points))) == 6


def test_the_document_has_the_curves_of_operators_and_classes():
    found = document(FOUND)
    assert found["by_operator"]["image.blur"]["curve"][1][:2] == [0.25, pytest.approx(2 / 3)]
    assert set(found["by_class"]) == {"a&b", "c"}
    assert found["by_class"]["c"]["by_operator"]["image.blur"]["area"][3] == 2
    assert found["record"]["schema"] == 1


def test_the_line_falls_at_each_step_within_its_band():
    svg = strength_chart(curve(FOUND.operators[0]), name="<x>")
    line = [
        tuple(map(float, each.split(",")))
        for each in re.search(r'polyline class="line" points="([^"]+)', svg)[1].split()
    ]
    assert [x for x, _ in line] == sorted(x for x, _ in line)
    assert [y for _, y in line] == sorted(y for _, y in line)
    assert "<x>" not in svg
    assert strength_chart([], name="x") == ""


def test_the_report_draws_what_lies_with_the_campaign(summary, page):
    drawn = html.render(dataclasses.replace(summary, robustness=FOUND), path=page)
    assert 'id="robustness"' in drawn
    assert "&lt;b&gt;one.png" in drawn
    assert "<b>one.png" not in drawn
    assert drawn.count("still hold at full strength") == 3
    assert 'id="robustness"' not in html.render(summary, path=page)
    assert section(None, "") == section(FOUND_NOTHING, "") == {}


def test_a_model_that_has_changed_since_is_said():
    assert "another state" in section(FOUND, "y")["lead"]
    assert "another state" not in section(FOUND, "x")["lead"] + section(FOUND, "")["lead"]


def test_a_record_that_cannot_be_read_is_said_and_the_rest_is_shown(summary):
    workdir = Workdir(summary.root)
    workdir.robustness.write_bytes(dumps(FOUND))
    assert summarise(workdir).robustness == FOUND
    workdir.robustness.write_bytes(b"{")
    broken = summarise(workdir)
    assert broken.robustness is None
    assert any("robustness.json" in text for text in broken.warnings)
    workdir.robustness.unlink()
