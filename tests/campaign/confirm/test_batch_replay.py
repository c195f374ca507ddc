"""Many at once must say what one by one says."""

from __future__ import annotations

import msgspec
import pytest
from pictured import kept

from mlfuzz.campaign.confirm.batch_replay import rerun
from mlfuzz.campaign.confirm.replay import retry
from mlfuzz.testing.puzzles import nan_when_bright, puzzle_seeds, sound


@pytest.fixture(scope="module")
def target():
    return sound()


@pytest.fixture
def findings(target, tmp_path):
    seeds = puzzle_seeds(tmp_path, count=5)
    labels = ["dull", "bright corner", "other", None, "dull"]
    return [
        kept(target, seed, change, label=label, oracle={"name": oracle}, kind=oracle)
        for seed, label in zip(seeds, labels, strict=True)
        for change, oracle in [(0, "label"), (40, "label"), (-60, "nonfinite")]
    ]


def test_a_batch_says_what_each_finding_alone_says(target, findings):
    together = rerun(target, findings)
    for (finding, files), result in zip(findings, together, strict=True):
        alone = retry(target, finding, files, 1)
        assert result.problem == ""
        assert (result.margin > 1e-4) == bool(alone["failed"])
        assert result.margin == pytest.approx(alone["margin"], abs=1e-5)
        assert result.after.label == alone["after"]["label"]
    assert {result.margin > 1e-4 for result in together} == {True, False}


def test_a_finding_that_cannot_be_judged_spoils_no_other(target, findings):
    bad = [
        (msgspec.structs.replace(findings[0][0], label="gone"), findings[0][1]),
        (msgspec.structs.replace(findings[0][0], oracle={"name": "labell"}), findings[0][1]),
        (msgspec.structs.replace(findings[0][0], seed=None), findings[0][1]),
        (findings[0][0], {**findings[0][1], "input.png": b"no picture"}),
        (msgspec.structs.replace(findings[0][0], oracle={}), findings[0][1]),
    ]
    results = rerun(target, [*bad, *findings])
    for result, says in zip(
        results, ["has no label 'gone'", "did you mean 'label'", "seed", "", "alone"], strict=False
    ):
        assert says in result.problem
        assert result.problem
    assert [each.margin for each in results[5:]] == [each.margin for each in rerun(target, findings)]


def test_a_target_whose_labels_and_outputs_have_parted_judges_nothing(findings):
    outgrown = sound()
    outgrown.labels = (*outgrown.labels, "one more")
    assert {"they must agree" in result.problem for result in rerun(outgrown, findings)} == {True}


def test_an_answer_that_is_no_number_is_a_problem_and_no_pass(tmp_path):
    target = nan_when_bright()
    seeds = puzzle_seeds(tmp_path, count=2)
    results = rerun(target, [kept(target, seeds[0], 0), kept(target, seeds[1], 120)])
    assert results[0].problem == ""
    assert "not one to judge" in results[1].problem
