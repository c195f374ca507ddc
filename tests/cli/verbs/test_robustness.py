"""`mlfuzz robustness`: what it tells, and what it refuses."""

from __future__ import annotations

import json

import pytest

from mlfuzz.robustness import loads
from mlfuzz.testing.puzzles import puzzle_seeds

BRIGHT, SOUND = "mlfuzz.testing.puzzles:nan_when_bright", "mlfuzz.testing.puzzles:sound"
FEW = ("--operators", "image.brightness", "image.rotate")


@pytest.fixture
def project(tmp_path):
    puzzle_seeds(tmp_path / "seeds" / "dull", count=6)
    return tmp_path


def test_the_table_the_number_and_the_record_agree(command, project):
    ran = command("-C", project, "--json", "robustness", BRIGHT, "--seeds", "seeds", *FEW, "--output", "to/r.json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    found = loads((project / "to" / "r.json").read_bytes())
    assert [one.name for one in found.operators] == ["image.brightness", "image.rotate"]
    assert document["number"][0] == found.number().value < 1
    assert document["by_operator"]["image.brightness"]["area"][0] < 1
    assert f"robustness {found.number().value:.3f}" in ran.err
    assert document["breaks_first"][0]["operator"] == "image.brightness"
    assert "written to" in ran.err


@pytest.mark.slow
def test_it_is_the_same_again_and_another_with_another_seed(command, project):
    words = ("robustness", BRIGHT, "--seeds", "seeds", "--operators", "image.brightness")
    once, again = (command("-C", project, "--json", *words).out for _ in range(2))
    assert once == again
    other = json.loads(command("-C", project, "--json", "--seed", "5", *words).out)
    assert other["record"]["rng_seed"] == 5


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((SOUND,), 3, "--seeds DIR"),
        ((SOUND, "--seeds", "nowhere"), 2, "nowhere"),
        ((SOUND, "--seeds", "seeds", "--operators", "image.rotat"), 2, "image.rotate"),
        ((SOUND, "--seeds", "seeds", "--operators", "audio.speed"), 2, "audio"),
        ((SOUND, "--seeds", "seeds", "--max-seeds", "0"), 2, "--max-seeds"),
        ((SOUND, "--seeds", "seeds", "--name", "none"), 2, "none"),
        (("nothing",), 2, "unknown target"),
    ],
)
def test_bad_input_is_named_with_what_to_write(command, project, arguments, code, says):
    ran = command("-C", project, "robustness", *arguments)
    assert ran.code == code, ran.err
    assert says in ran.err
