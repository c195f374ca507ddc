"""`mlfuzz preview`, `mlfuzz list limits` and the ranges of [targets.x.mutators.ranges], as they are typed."""

from __future__ import annotations

import json

import pytest

from mlfuzz.mutators.limits.limits import MEANINGS, Limits
from mlfuzz.testing.puzzles import puzzle_seeds

SOUND = "mlfuzz.testing.puzzles:sound"
NARROWED = f"""
[targets.lamp]
use = "{SOUND}"
seeds = "seeds"
mutators.include = ["image.rotate", "image.brightness", "image.flip"]
mutators.ranges."image.rotate" = {{ degrees = [-10, 10] }}
"""


@pytest.fixture
def project(tmp_path):
    puzzle_seeds(tmp_path / "seeds" / "dull", count=6)
    (tmp_path / "mlfuzz.toml").write_text(NARROWED)
    return tmp_path


def test_the_page_shows_the_ends_as_they_are_configured(command, project):
    ran = command("-C", project, "--json", "preview", "lamp", "--max-seeds", "1", "--output", "to/p.html")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    shown = {one["name"]: [each["change"] for each in one["samples"]] for one in document["mutators"]}
    assert shown["image.rotate"] == ["rotate -10 degrees", "rotate 10 degrees"]
    assert len(shown["image.brightness"]) == 2
    assert shown["image.flip"] == ["flip"]
    page = (project / "to" / "p.html").read_text()
    assert page.count("<article") == 5
    assert "rotate -10 degrees" in page
    assert "&#34;image.rotate&#34;" in page
    assert "<script" not in page
    assert str(project) not in page
    assert "[targets.lamp.mutators.ranges" in ran.err


def test_fewer_mutators_and_a_page_that_is_full(command, project, monkeypatch):
    monkeypatch.setattr("mlfuzz.report.preview.PAGE_LIMIT", 1)
    ran = command(
        "-C",
        project,
        "--json",
        "preview",
        "lamp",
        "--mutators",
        "image.brightness",
        "--output",
        project / "preview.html",
    )
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert [one["name"] for one in document["mutators"]] == ["image.brightness"]
    assert document["samples_left_out"] == 3
    assert "3 samples have no room" in ran.err
    assert "3 samples are not shown" in (project / "preview.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("preview", "lamp", "--max-seeds", "0"), "--max-seeds must be 1 or more"),
        (("preview", "lamp", "--mutators", "image.rotat"), "image.rotate"),
        (("preview", "lamp", "--seeds", "nowhere"), "nowhere"),
        (("preview", "lam"), "lamp"),
    ],
)
def test_what_is_typed_wrong_is_named(command, project, words, said):
    ran = command("-C", project, *words)
    assert ran.code == 2, ran.err
    assert said in ran.err


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('mutators = { "image.rotate" = { degrees = [-10, 10] } }', '[targets.lamp.mutators.ranges] "image.rotate" ='),
        ('mutators = { ranges = { "image.rotate" = { degree = [-10, 10] } } }', "did you mean 'degrees'"),
        ('mutators = { ranges = { "image.rotate" = 10 } }', "targets.lamp.mutators.ranges"),
        ('limits = { sums = { "image.rotate" = 10 } }', "nothing counts towards sums.image.rotate"),
    ],
)
def test_what_would_do_nothing_is_refused_where_it_is_read(command, project, table, said):
    (project / "mlfuzz.toml").write_text(f'[targets.lamp]\nuse = "{SOUND}"\nseeds = "seeds"\n{table}\n')
    ran = command("-C", project, "preview", "lamp")
    assert ran.code == 2, ran.err
    assert said in ran.err


@pytest.mark.slow
def test_a_campaign_draws_from_the_narrower_range_and_its_report_says_how(command, project):
    ran = command("-C", project, "fuzz", "lamp", "--inputs", "2000")
    assert ran.code in (0, 1), ran.err
    stats = json.loads((project / ".mlfuzz" / "lamp" / "stats.json").read_text())
    assert stats["ranges"]["image.rotate"] == {"degrees": [-10, 10]}
    assert stats["setup"]["ranges"] == {"image.rotate": {"degrees": [-10, 10]}}
    (project / "mlfuzz.toml").write_text(NARROWED.replace("-10, 10", "-5, 5"))
    again = command("-C", project, "fuzz", "lamp", "--inputs", "100")
    assert "keeps" in again.err
    assert "ranges" in again.err


def test_every_limit_is_listed_with_what_it_bounds(command, tmp_path):
    ran = command("-C", tmp_path, "--json", "list", "limits")
    names = {row["name"].partition(".")[0] for row in json.loads(ran.out)}
    assert names == set(MEANINGS) == {*Limits.__dataclass_fields__}
    of_text = json.loads(command("-C", tmp_path, "--json", "list", "limits", "--modality", "text").out)
    assert {"edit_distance", "per_kind"} <= {row["name"] for row in of_text}
    assert not {"linf", "sums.rotation"} & {row["name"] for row in of_text}
