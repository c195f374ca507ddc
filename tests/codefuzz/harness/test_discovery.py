from __future__ import annotations

import pytest
from codefuzz import toy_project

from mlfuzz.codefuzz.engine.atheris_engine import specification
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.discovery import Harness, Unusable
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.errors import ConfigError, TargetLoadError, UnknownNameError


@pytest.fixture
def project(tmp_path):
    return toy_project.build(tmp_path)


def test_a_harness_is_found_by_name_file_and_what_a_finding_says(project):
    for typed in ("toy", "harnesses/toy.py", str(project / "harnesses/toy.py"), "harnesses/toy.py:fuzz"):
        assert discovery.find(typed, project).load == "harnesses/toy.py:fuzz"


def test_a_plain_file_is_taken_under_its_own_name(project):
    plain = discovery.find("plain_toy", project)
    assert plain.load == "harnesses/plain_toy.py:TestOneInput"
    assert plain.seed_files() == []


def test_an_unknown_name_answers_with_the_nearest(project):
    with pytest.raises(UnknownNameError, match="did you mean 'toy'"):
        discovery.find("toi", project)


def test_a_file_that_is_no_harness_is_listed_with_the_reason(project):
    (project / "harnesses/typo.py").write_text("HARNESS = {'secnds': 1}\ndef fuzz(data): pass\n")
    (project / "harnesses/empty.py").write_text("x = 1\n")
    every = discovery.listed(project)
    reasons = {one.path.stem: one.reason for one in every if isinstance(one, Unusable)}
    assert "did you mean 'seconds'" in reasons["typo"]
    assert "neither HARNESS" in reasons["empty"]
    with pytest.raises(TargetLoadError, match="secnds"):
        discovery.find("typo", project)
    with pytest.raises(ConfigError):
        discovery.find("harnesses/typo.py", project)


def test_shipped_harnesses_come_after_the_projects_own(project):
    names = [one.name for one in discovery.listed(project) if isinstance(one, Harness)]
    assert names[:2] == ["plain_toy", "toy"]
    assert "demo_parser" in names


def test_seeds_are_the_files_and_no_notes_about_them(project):
    folder = project / "corpus/seeds/code/toy"
    (folder / "README.md").write_text("about")
    (folder / ".keep").write_text("")
    assert [path.name for path in discovery.find("toy", project).seed_files()] == [
        "longer.toy",
        "other.toy",
        "plain.toy",
    ]


def test_seeds_that_are_not_there_are_an_error(project):
    for path in (project / "corpus/seeds/code/toy").iterdir():
        path.unlink()
    (project / "corpus/seeds/code/toy").rmdir()
    with pytest.raises(TargetLoadError, match=r"seeds .* are not there"):
        discovery.find("toy", project).seed_files()


def test_a_shipped_harness_finds_its_seeds_from_any_project(project):
    shipped = discovery.find("demo_parser", project)
    assert shipped.shipped
    assert shipped.load == "harnesses/demo_parser.py:fuzz"
    assert shipped.seed_files()


def test_the_configuration_goes_before_the_literal(project):
    (project / "mlfuzz.toml").write_text(
        '[harnesses.plain_toy]\nseeds = "corpus/seeds/code/toy"\nallowed = ["KeyError"]\nseconds = 3.0\n'
    )
    plain = discovery.find("plain_toy", project)
    assert len(plain.seed_files()) == 3
    assert (plain.declaration.seconds, plain.declaration.documented[0].type) == (3.0, "KeyError")
    assert plain.declaration.entry == "TestOneInput"


@pytest.mark.parametrize("line", ["secnds = 1", "seconds = 'x'", "path = 'y'"])
def test_what_the_configuration_cannot_say_is_an_error(project, line):
    (project / "mlfuzz.toml").write_text(f"[harnesses.toy]\n{line}\n")
    with pytest.raises(ConfigError, match=r"\[harnesses.toy\]"):
        discovery.find("harnesses/toy.py", project)


def test_the_sandbox_is_switched_off_by_the_literal_or_by_the_configuration(tmp_path):
    (tmp_path / "harnesses").mkdir()
    for name, literal in (("kept", "{}"), ("literal", '{"sandbox": "off"}'), ("configured", "{}")):
        (tmp_path / "harnesses" / f"{name}.py").write_text(f"HARNESS = {literal}\ndef fuzz(data): pass\n")
    (tmp_path / "mlfuzz.toml").write_text('[harnesses.configured]\nsandbox = "off"\n')
    declared = {name: discovery.find(name, tmp_path).declaration for name in ("kept", "literal", "configured")}
    assert {name: one.sandbox for name, one in declared.items()} == {
        "kept": "strict",
        "literal": "off",
        "configured": "off",
    }
    used = {name: specification(one, Options(), atheris=False)["sandbox"] for name, one in declared.items()}
    assert used == {"kept": "strict", "literal": "off", "configured": "off"}
