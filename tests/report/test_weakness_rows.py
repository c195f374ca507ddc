"""What is wrong, in a few rows of the report."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
from findings.samples import sample

from mlfuzz.campaign.confirm.embedding import sketch
from mlfuzz.findings.weakness import SHIFT
from mlfuzz.mutation import Mutation
from mlfuzz.report import html, sarif, weakness
from mlfuzz.report.outline import outline
from mlfuzz.report.summary import Summary, group
from mlfuzz.report.tables import next_steps, tiles


def many(summary: Summary, operators=("mist", "fog"), **changes) -> Summary:
    """A campaign in which each of these operators turns three labels into an 8, all the same way."""
    evidence = {SHIFT: sketch(np.asarray([1.0, 0.5]))}
    findings = [
        sample(
            10 * at + number, verdict="confirmed", shrunk=True, expected=str(number), observed="8", evidence=evidence,
            fault=f"label|{number}->8|image.{operator}", chain=(Mutation(f"image.{operator}"),), severity=number + 1.5,
        )[0]
        for at, operator in enumerate(operators)
        for number in range(3)
    ]  # fmt: skip
    return Summary(summary.root, summary.stats, faults=group(findings), **changes)


def test_faults_of_operators_that_move_the_model_alike_are_one_row(summary):
    (row,) = weakness.rows(many(summary))
    assert (row.by, row.faults, row.inputs, row.answers) == (("fog", "mist"), 6, 6, (("8", 6),))
    assert row.best.severity == 3.5
    assert many(summary).faults[row.number - 1].best.id == row.best.id


def test_where_each_fault_is_a_weakness_of_its_own_the_table_of_faults_says_it_all(summary):
    assert weakness.rows(summary) == []
    assert len(summary.weaknesses) == len(summary.faults)


def test_the_page_counts_weaknesses_and_links_their_worst_fault(summary, page):
    laid_out = html.render(many(summary), path=page)
    assert "6 faults found in 1 weakness" in laid_out
    assert 'id="weaknesses"' in laid_out
    assert "margins of a typical seed per whole range of change" in laid_out
    assert 'id="weaknesses"' not in html.render(summary, path=page)


def test_a_hostile_operator_and_answer_do_not_reach_the_page(summary, page):
    bad = many(summary, ("<script>x</script>", "\u202eb"))
    assert "<script>" not in (laid_out := html.render(bad, path=page))
    assert "\u202e" not in laid_out


def test_machines_get_weaknesses_and_severities(summary):
    document = json.loads(msgspec.json.encode(outline(many(summary))))
    (one,) = document["weaknesses"]
    assert (one["operators"], len(one["findings"]), one["severity"]) == (["image.fog", "image.mist"], 6, 3.5)
    results = json.loads(sarif.render(many(summary)))["runs"][0]["results"]
    assert [result["properties"]["severity"] for result in results] == [3.5, 3.5, 2.5, 2.5, 1.5, 1.5]
    assert [result["rank"] for result in results] == sorted((result["rank"] for result in results), reverse=True)
    assert all(0 < result["rank"] < 100 for result in results)


def test_the_tiles_and_the_next_steps_know_of_weaknesses_and_candidates(summary):
    waiting = many(summary, candidates=(sample(99)[0],))
    assert tiles(waiting)[0] == ("6", "faults", "in 1 weakness; 6 inputs, each failed again alone")
    assert any(
        step.command.startswith(f"mlfuzz findings confirm --name {summary.stats.campaign}")
        for step in next_steps(waiting)
    )
    assert not any("confirm" in step.command for step in next_steps(many(summary)))


def test_commands_look_where_the_campaign_lies(summary):
    usual = Summary(Path("project/.mlfuzz/c"), summary.stats)
    assert usual.options == ""
    elsewhere = many(summary)
    assert elsewhere.options == f" --dir {summary.root.parent}"
    assert all(summary.root.parent.name in step.command for step in next_steps(elsewhere))
