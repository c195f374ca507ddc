"""The report's tables."""

from __future__ import annotations

import dataclasses

import pytest

from mlfuzz.progress import OperatorStats, Stats
from mlfuzz.report.tables import confusion, curves, failure_rates, layers, next_steps, setup


def test_the_most_damaging_mutator_comes_first_with_its_interval(summary):
    rows = failure_rates(summary.stats)
    assert [row.name for row in rows][:2] == ["image.rotate", "image.translate"]
    first = rows[0].all
    assert first.share == pytest.approx(2410 / 23_000)
    assert first.low < first.share < first.high
    heats = [rate.heat for rate in rows[0].bins]
    assert heats == sorted(heats)


def test_a_mutator_that_never_ran_is_left_out():
    stats = Stats(campaign="x", started="", operators={"image.blur": OperatorStats()})
    assert failure_rates(stats) == []


def test_flips_of_many_labels_are_a_list_not_a_square():
    stats = Stats(campaign="x", started="", confusion=[[str(a), str(a + 1), a + 1] for a in range(60)])
    flips = confusion(stats)
    assert flips["labels"] == []
    assert flips["pairs"][0] == ("59", "60", 60)


def test_labels_that_are_numbers_are_in_their_order(summary):
    labels = confusion(summary.stats)["labels"]
    assert labels == sorted(labels, key=int)


def test_what_to_do_next_fits_the_verdict(summary, clean):
    assert [step.command.split()[1] for step in next_steps(summary)] == [
        "replay", "findings", "replay", "findings", "fuzz"
    ]  # fmt: skip
    assert "1h" in next_steps(clean)[0].command
    idle = dataclasses.replace(clean, stats=Stats(campaign="x", started=""))
    assert next_steps(idle)[0].command.startswith("mlfuzz check")


def test_a_command_quotes_what_a_shell_would_take_for_its_own(clean):
    stats = Stats(campaign="x", started="", inputs=1, target={"load": "a:b; rm -rf /"})
    assert "'a:b; rm -rf /'" in next_steps(dataclasses.replace(clean, stats=stats))[0].command


def test_curves_need_two_points_and_leave_out_what_did_not_move(summary):
    titles = [curve.title for curve in curves(summary)]
    assert "Coverage: share" in titles
    assert "Coverage: radius" not in titles
    assert curves(dataclasses.replace(summary, progress=summary.progress[:1])) == []


def test_a_layer_gives_its_share_or_a_count_of_units():
    stats = Stats(
        campaign="x",
        started="",
        layers=[{"name": "a", "units": 4, "covered": 1}, {"name": "b", "units": 4, "covered": 1.0}],
    )
    assert [row[2] for row in layers(stats)] == ["25.0 %", "100 %"]


def test_the_set_up_names_target_seeds_and_versions(summary):
    rows = dict(setup(summary))
    assert rows["target digest"].startswith("9b1f")
    assert "2 skipped: not a picture" in rows["seeds"]
    assert rows["torch"] == "2.13.0+cpu"
