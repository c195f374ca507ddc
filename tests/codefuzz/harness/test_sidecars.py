"""What lies beside a harness by its name, and harnesses where other projects keep them."""

from __future__ import annotations

import zipfile

import pytest

from mlfuzz.codefuzz.engine.seed_screening import samples
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.errors import TargetLoadError

PLAIN = "import sys, atheris\ndef TestOneInput(data): pass\natheris.Setup(sys.argv, TestOneInput)\n"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "fuzz_it.py").write_text(PLAIN)
    return tmp_path


def archive(path, **seeds):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in seeds.items():
            file.writestr(f"some/folder/{name}", data)


def test_seeds_dictionary_and_options_of_its_name_are_taken(project):
    archive(project / "fuzz_it_seed_corpus.zip", one=b"1", two=b"22")
    (project / "fuzz_it.dict").write_text('"word"\n')
    (project / "fuzz_it.options").write_text(
        "[libfuzzer]\nmax_len = 77\ntimeout = 3\nonly_ascii = 1\nclose_fd_mask=3\n"
    )
    harness = discovery.find("fuzz_it", project)
    assert [path.read_bytes() for path in harness.seed_files()] == [b"1", b"22"]
    assert samples(project / "fuzz_it_seed_corpus.zip", 1) == [b"1", b"2", b""]
    assert harness.declaration.dictionary == str(project / "fuzz_it.dict")
    assert (harness.declaration.length, harness.declaration.seconds) == (77, 3.0)
    assert harness.notes == ("only_ascii = 1 of fuzz_it.options is not heeded",)


def test_a_folder_of_seeds_of_its_name_is_taken_and_the_configuration_goes_before(project):
    (project / "fuzz_it_seed_corpus").mkdir()
    (project / "fuzz_it_seed_corpus" / "one").write_bytes(b"1")
    (project / "fuzz_it.options").write_text("[libfuzzer]\nmax_len = 77\n")
    (project / "mlfuzz.toml").write_text("[harnesses.fuzz_it]\nlength = 9\n")
    harness = discovery.find("fuzz_it", project)
    assert [path.name for path in harness.seed_files()] == ["one"]
    assert harness.declaration.length == 9


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("[libfuzzer]\nmax_len = x\n", "max_len = x of fuzz_it.options is not heeded"),
        ("[libfuzzer]\nmax_len = 0\n", "max_len = 0 of fuzz_it.options is not heeded"),
        ("max_len = 3\n", "fuzz_it.options cannot be read"), ("[asan]\ndetect_leaks = 0\n", ""), ("", ""),
    ],
)  # fmt: skip
def test_options_that_cannot_be_heeded_are_said(project, text, note):
    (project / "fuzz_it.options").write_text(text)
    assert note in " ".join(discovery.find("fuzz_it", project).notes)


def test_a_damaged_archive_of_seeds_is_an_error_that_names_it(project):
    (project / "fuzz_it_seed_corpus.zip").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(TargetLoadError, match=r"fuzz_it_seed_corpus\.zip cannot be read"):
        discovery.find("fuzz_it", project).seed_files()


def test_a_folder_gives_the_harnesses_in_it_and_no_helpers(project):
    (project / "fuzz_helpers.py").write_text("import atheris\n")
    (project / "other.py").write_text(PLAIN)
    assert [one.name for one in discovery.inside(project, project)] == ["fuzz_it", "other"]
    (project / "below" / "fuzz").mkdir(parents=True)
    (project / "below" / "fuzz" / "fuzz_below.py").write_text(PLAIN)
    assert [one.name for one in discovery.inside(project / "below", project)] == ["fuzz_below"]
    (project / "nothing").mkdir()
    with pytest.raises(TargetLoadError, match="no harness is in it"):
        discovery.inside(project / "nothing", project)


def test_those_of_usual_places_are_listed_among_the_projects_own(project):
    (project / "tests" / "fuzz").mkdir(parents=True)
    (project / "tests" / "fuzz" / "fuzz_more.py").write_text(PLAIN)
    (project / "fuzz_helpers.py").write_text("import atheris\n")
    own = [one for one in discovery.listed(project) if not getattr(one, "shipped", False)]
    assert [one.name for one in own] == ["fuzz_it", "fuzz_more"]


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("import atheris\ndef run(data): pass\natheris.Setup([], run)\n", "run"),
        ("import atheris as fz\ndef run(data): pass\ndef main():\n    fz.Setup([], run)\n", "run"),
        ("from atheris import Setup\ndef run(data): pass\nSetup([], run)\n", "run"),
        ("import atheris\ndef fuzz(data): pass\natheris.Setup([], fuzz)\n", "TestOneInput"),
        ("import atheris\natheris.Setup([], lambda data: None)\n", "TestOneInput"),
        ("import atheris\ndef make():\n    def run(data): pass\n    atheris.Setup([], run)\n", "TestOneInput"),
        ("from helper import TestOneInput\n", "TestOneInput"), ("import helper\nhelper.main()\n", "TestOneInput"),
        ("TestOneInput = print\n", "TestOneInput"),
    ],
)  # fmt: skip
def test_a_plain_file_is_known_by_what_it_hands_to_setup(tmp_path, text, entry):
    (tmp_path / "form.py").write_text(text)
    (tmp_path / "helper.py").write_text(PLAIN)
    assert discovery.at(tmp_path / "form.py", tmp_path).declaration.entry == entry


@pytest.mark.parametrize("text", ["import atheris\n", "x = 1\n", "def Setup(a, b): pass\nSetup(1, 2)\n"])
def test_a_file_that_hands_nothing_over_is_none(tmp_path, text):
    (tmp_path / "form.py").write_text(text)
    with pytest.raises(TargetLoadError, match=r"nor a call of atheris\.Setup"):
        discovery.at(tmp_path / "form.py", tmp_path)


def test_the_time_of_an_input_is_the_projects_where_a_harness_says_none(project):
    (project / "own.py").write_text("HARNESS = {'seconds': 3.0}\ndef fuzz(data): pass\n")
    (project / "mlfuzz.toml").write_text('[fuzz]\ninput-timeout = "7s"\n')
    seconds = {name: discovery.at(project / f"{name}.py", project).declaration.seconds for name in ("own", "fuzz_it")}
    assert seconds == {"own": 3.0, "fuzz_it": 7.0}
