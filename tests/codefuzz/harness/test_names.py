"""What a new harness may be called."""

from __future__ import annotations

import pytest

from mlfuzz.cli.main import main
from mlfuzz.codefuzz.harness.names import objection

TESTED = ("wave",)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "mlfuzz.toml").write_text("")
    (tmp_path / "codec.py").write_text("")
    (tmp_path / "src" / "acme").mkdir(parents=True)
    (tmp_path / "src" / "acme" / "__init__.py").write_text("")
    (tmp_path / "docs").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("wave", "which it tests; write mlfuzz harness new fuzz_wave"),
        ("json", "of the standard library; write mlfuzz harness new fuzz_json"),
        ("sys", "of the standard library"), ("_thread", "of the standard library"),
        ("msgspec", "would hide the installed msgspec"), ("pytest", "would hide the installed pytest"),
        ("mlfuzz", "would hide"), ("codec", "of this project"), ("acme", "of this project"),
        ("class", "a word of Python's"), ("match", "a word of Python's"), ("None", "no name for a harness"),
        ("a-b", "no name for a harness"), ("Loud", "no name for a harness"), ("1st", "no name for a harness"),
        ("../up", "no name for a harness"), ("a.b", "no name for a harness"), ("", "no name for a harness"),
        ("über", "no name for a harness"),
    ],
)  # fmt: skip
def test_a_name_that_hides_a_module_or_is_none_is_refused_with_another(project, name, reason):
    assert reason in objection(name, project, TESTED)


@pytest.mark.parametrize("name", ["fuzz_wave", "wave_2", "docs", "readers", "_own"])
def test_any_other_is_taken(project, name):
    assert objection(name, project, TESTED) == ""


def test_a_file_that_is_there_is_left_alone_and_another_name_offered(project, capsys):
    assert main(["-C", str(project), "harness", "new", "readers", "--for", "text"]) == 0
    before = (project / "harnesses" / "readers.py").read_bytes()
    capsys.readouterr()
    assert main(["-C", str(project), "harness", "new", "readers"]) == 2
    assert "is there already; write mlfuzz harness new readers_2" in " ".join(capsys.readouterr().err.split())
    assert (project / "harnesses" / "readers.py").read_bytes() == before


def test_a_name_is_refused_before_anything_is_written(project, capsys):
    assert main(["-C", str(project), "harness", "new", "wave", "--for", "audio"]) == 2
    assert "mlfuzz harness new fuzz_wave --for audio" in " ".join(capsys.readouterr().err.split())
    assert not (project / "harnesses").exists()
