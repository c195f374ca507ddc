from __future__ import annotations

import json

import pytest
import specimen
from pictured import kept, shades

from mlfuzz.findings.regression import write_regression
from mlfuzz.testing.puzzles import puzzle_seeds, sound

SOUND, NAN = "mlfuzz.testing.puzzles:sound", "mlfuzz.testing.puzzles:nan_when_bright"


@pytest.fixture
def project(tmp_path):
    """Regressions of `sound`, two of six of them failing; the other target gives no number on a bright one."""
    puzzle_seeds(tmp_path / "seeds" / "dull", count=6)
    for number, seed in enumerate(sorted((tmp_path / "seeds" / "dull").iterdir())):
        label = "other" if number < 2 else "dull"
        write_regression(tmp_path / "corpus" / "regressions" / "sound", *kept(sound(), seed, number, label=label))
    return tmp_path


def test_two_models_are_compared_on_the_regressions_and_on_clean_seeds(command, project):
    ran = command("-C", project, "compare", SOUND, NAN, "--seeds", "seeds")
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].startswith("same 6 findings   fail rate 33.3 % (9.7-70) -> ")
    assert lines[1] == "fixed 0   newly broken 0   still failing 2"
    assert lines[-1].startswith("clean accuracy on 6 seeds   100 %")


def test_a_gate_that_fails_is_exit_code_1_and_named(command, project):
    gates = ("--gate", "fail-rate<=+0.5%", "--gate", "still-failing<=1")
    ran = command("-C", project, "--json", "compare", SOUND, NAN, "--seeds", "seeds", *gates)
    assert ran.code == 1
    assert json.loads(ran.out)["gates"] == {"fail-rate<=+0.5%": True, "still-failing<=1": False}
    assert "gate failed  still-failing<=1" in ran.err


def test_two_campaigns_are_compared_by_name(command, tmp_path):
    specimen.build(tmp_path / ".mlfuzz", name="one")
    specimen.build(tmp_path / ".mlfuzz", name="two", clean=True)
    ran = command("-C", tmp_path, "compare", "one", "two")
    assert ran.code == 0
    assert "each its own inputs" in ran.out
    assert "faults gone 4   new 0   in both 0" in ran.out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((SOUND, SOUND), 2, "one and the same"),
        ((SOUND, "nothing"), 2, "unknown target"),
        ((SOUND, NAN, "--gate", "speed<=1"), 2, "fail-rate"),
        ((SOUND, "mlfuzz.testing.puzzles:none_such"), 3, "none_such"),
    ],
)
def test_what_cannot_be_compared_says_why(command, project, arguments, code, says):
    ran = command("-C", project, "compare", *arguments)
    assert ran.code == code
    assert says in ran.err


def test_without_findings_and_seeds_nothing_is_compared(command, tmp_path):
    ran = command("-C", tmp_path, "compare", SOUND, NAN)
    assert ran.code == 3
    assert "no findings to compare" in ran.out


@pytest.fixture
def training(tmp_path):
    """Training data of two shades, a harmless batch, one that is poisoned, and clean inputs."""
    shades(tmp_path / "data", "dark", range(20, 60, 4))
    shades(tmp_path / "data", "light", range(180, 220, 4))
    shades(tmp_path / "good", "dark", (25, 35))
    shades(tmp_path / "poison", "dark", [250] * 12)
    shades(tmp_path / "clean", "dark", range(10, 70, 3))
    shades(tmp_path / "clean", "light", range(125, 205, 4))
    return tmp_path


def decision(command, training, batch, *more):
    """Exit code, last line, and what the JSON says: of one and the same verdict."""
    arguments = ("compare", "data", batch, "--train", "pictured:train", *more)
    ran = command("-C", training, *arguments)
    document = json.loads(command("-C", training, "--json", *arguments).out)
    verdict = document["verdict"]
    assert (verdict["exit_code"], verdict["sentence"]) == (ran.code, ran.out.splitlines()[-1])
    assert (verdict["decision"] == "reject") is (bool(verdict["harm"]) or False in document["gates"].values())
    return ran


def test_a_harmless_batch_may_be_taken_where_a_drop_would_have_shown(command, training):
    ran = decision(command, training, "good", "--seeds", "clean", "--gate", "accuracy>=-20%")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-1].startswith("no harm shown: the batch may be taken; a drop of 19 points ")


def test_too_few_clean_inputs_cannot_tell_and_say_how_many_could(command, training):
    ran = decision(command, training, "good", "--seeds", "clean")
    assert ran.code == 3
    assert "cannot tell: 40 clean inputs cannot show a drop of less than 19 points" in ran.out
    assert "may be taken" not in ran.out
    assert (
        decision(command, training, "good").out.splitlines()[-1].startswith("cannot tell: no clean input was judged; ")
    )


def test_a_poisoned_batch_is_rejected_with_what_it_harms(command, training):
    ran = decision(command, training, "poison", "--seeds", "clean")
    assert (ran.code, ran.err) == (1, "")
    assert "harm  clean accuracy 100 % -> " in ran.out
    assert "harm  clean accuracy of light 100 % -> " in ran.out
    assert ran.out.splitlines()[-1] == "reject the batch"


def test_shifted_labels_are_rejected(command, training):
    shades(training / "shifted", "light", [20] * 20)
    shades(training / "shifted", "dark", [220] * 20)
    assert decision(command, training, "shifted", "--seeds", "clean").code == 1


def test_a_model_that_gives_no_numbers_any_more_is_rejected(command, training):
    (training / "blank").mkdir()
    (training / "nowhere.py").write_text(
        "import numpy, pictured\n\ndef train(folders):\n    target = pictured.train(folders[:1])\n"
        "    if folders[1:]:\n        target.function = lambda rows: numpy.full((len(rows), 2), numpy.nan)\n"
        "    return target\n"
    )
    ran = command("-C", training, "compare", "data", "blank", "--train", "nowhere:train", "--seeds", "clean")
    assert (ran.code, ran.out.splitlines()[-1]) == (1, "reject the batch")
    assert "harm  clean accuracy 100 % -> 0 %" in ran.out


def test_a_failed_gate_rejects_and_nothing_else_is_said(command, training):
    ran = decision(command, training, "good", "--seeds", "clean", "--gate", "accuracy>=+1%")
    assert ran.code == 1
    assert "gate failed  accuracy>=+1%" in ran.out
    assert ran.out.splitlines()[-1] == "reject the batch: gate accuracy>=+1% failed"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("data", "none", "--train", "pictured:train"), 2, "none is not there"),
        (("data", "good", "--train", "pictured:trane"), 3, "did you mean 'train'"),
        (("data", "good", "--train", "pictured:train", "--gate", "accuracy>=-1%"), 2, "--seeds FOLDER"),
    ],
)
def test_training_that_cannot_be_says_why(command, training, arguments, code, says):
    ran = command("-C", training, "compare", *arguments)
    assert ran.code == code
    assert says in ran.err


@pytest.mark.slow
def test_two_models_are_paired_and_a_model_that_fails_everywhere_is_said(command, project):
    ran = command("-C", project, "--json", "compare", SOUND, NAN, "--seeds", "seeds")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)["robustness"]
    assert found["whole"]["before"][0] > found["whole"]["after"][0]
    assert len(found["curves"]) == 2
    assert "robustness on 6 seeds" in ran.err
    never = command("-C", project, "compare", SOUND, "mlfuzz.testing.puzzles:nan_always", "--seeds", "seeds")
    assert "left out robustness" in never.err
    without = command("-C", project, "--json", "compare", SOUND, NAN, "--seeds", "seeds", "--robustness-seeds", "0")
    assert "robustness" not in json.loads(without.out)


def test_what_is_for_two_models_is_refused_elsewhere(command, project):
    ran = command("-C", project, "compare", SOUND, NAN, "--robustness-seeds", "-1")
    assert (ran.code, "0 or more" in ran.err) == (2, True)
    ran = command("-C", project, "compare", "seeds", "seeds", "--train", "a:b", "--robustness-seeds", "9")
    assert (ran.code, "two models" in ran.err) == (2, True)
