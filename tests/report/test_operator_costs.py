"""What operators took and found: the table, and what to write where one was not worth its time."""

from __future__ import annotations

import json

import msgspec
import pytest

from mlfuzz.config.frozen import thaw
from mlfuzz.progress import OperatorStats, SearchStats, Stats, read_stats
from mlfuzz.report import html
from mlfuzz.report.operator_costs import SEARCHES, fruitless, operator_costs, outline, switch_off


def stats(**fields: object) -> Stats:
    """Ten seconds of 1,000 inputs, half of them codecs that find nothing in four seconds."""
    given = {
        "campaign": "c", "started": "then", "inputs": 1000, "timing": {"mutate": 5.0, "execute": 5.0},
        "operators": {
            "image.rotate": OperatorStats(rows=500, firsts=8, gains=2), "image.webp": OperatorStats(rows=500),
        },
        "spent": {"image.rotate": 0.5, "image.webp": 4.0},
        "setup": {"target": "digits", "exclude": ["image.fog"]}, "target": {"load": "mine:model"}, **fields,
    }  # fmt: skip
    return msgspec.convert(msgspec.to_builtins(given), Stats)


def test_the_dearest_comes_first_with_its_share_of_the_time_and_what_it_found_a_second() -> None:
    webp, rotate = operator_costs(stats())
    assert (webp.name, webp.share, webp.microseconds, webp.found) == ("image.webp", 0.4, 8000.0, 0.0)
    assert rotate.share == pytest.approx(0.05)
    # Of the 5.5 s that are nobody's own, half of the rows take half.
    assert rotate.found == pytest.approx(10 / (0.5 + 2.75))


def test_searches_have_a_row_and_what_records_them_has_none() -> None:
    operators = {"image.replace": OperatorStats(rows=9, failures=9), "image.rotate": OperatorStats(rows=900, firsts=1)}
    searched = stats(
        operators=operators, spent={"image.replace": 0.0, "image.rotate": 1.0},
        searches=SearchStats(evaluations=100, seconds=2.0, firsts=5, gains=1),
    )  # fmt: skip
    first, second = operator_costs(searched)
    assert (first.name, first.rows, first.share, first.found) == (SEARCHES, 100, 0.2, 3.0)
    assert second.name == "image.rotate"


@pytest.mark.parametrize("known", ["digits", "digits:fragile"])
def test_what_took_much_and_found_nothing_is_named_with_lines_that_leave_it_out(known: str) -> None:
    found = stats(setup={"target": known, "exclude": ["image.fog"]})
    assert fruitless(operator_costs(found)) == ["image.webp"]
    config = thaw(switch_off(["image.webp", SEARCHES], found))
    assert config.targets[known].mutators.exclude == ("image.fog", "image.webp")
    assert config.targets[known].use == ("mine:model" if ":" in known else "")
    assert config.fuzz.search["name"] == "off"


@pytest.mark.parametrize(
    "fields",
    [
        {"operators": {"image.rotate": OperatorStats(rows=500, firsts=1), "image.webp": OperatorStats(rows=50)}},
        {"operators": {"image.rotate": OperatorStats(rows=500), "image.webp": OperatorStats(rows=500)}},
        {"spent": {"image.rotate": 0.5, "image.webp": 0.01}},
    ],
    ids=["few rows", "nobody found anything", "little time"],
)
def test_nobody_is_named_without_a_reason(fields: dict[str, object]) -> None:
    assert fruitless(operator_costs(stats(**fields))) == []
    assert switch_off([], stats()) == ""


def test_figures_of_before_this_table_are_read_and_have_none() -> None:
    old = msgspec.to_builtins(stats())
    for name in ("spent", "searches"):
        del old[name]
    for one in old["operators"].values():
        del one["firsts"]
    read = read_stats(json.dumps(old).encode())
    assert operator_costs(read) == []
    assert outline(read) == {"rows": [], "fruitless": [], "switch_off": ""}


def test_the_page_has_the_table_and_the_lines(summary, page) -> None:
    text = html.render(summary, path=page)
    assert "image.contrast</b> took much of the time and found nothing" in text
    assert "[targets.digits.mutators]\nexclude = [&#34;image.contrast&#34;]" in text
