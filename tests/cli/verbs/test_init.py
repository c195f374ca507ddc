"""`mlfuzz init` as a newcomer types it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mlfuzz.cli.main import main
from mlfuzz.config import resolve


@pytest.mark.slow
def test_an_example_project_can_be_checked_at_once(tmp_path, capsys):
    assert main(["-C", str(tmp_path), "init", "reader", "--example", "image"]) == 0
    assert "mlfuzz check reader" in capsys.readouterr().out
    done = subprocess.run(
        [sys.executable, "-m", "mlfuzz", "check", "reader"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, "ready: mlfuzz fuzz reader" in done.stdout) == (0, True), done.stderr


def test_tables_go_into_the_pyproject_that_is_there_and_what_stands_in_it_stays(tmp_path):
    (tmp_path / "pyproject.toml").write_bytes(b'[project]\r\nname = "shop"')
    assert main(["-C", str(tmp_path), "init", "cats", "--kind", "audio"]) == 0
    assert (tmp_path / "pyproject.toml").read_bytes().startswith(b'[project]\r\nname = "shop"\n')
    config = resolve(tmp_path).config
    assert config.targets["cats"].use == "mlfuzz_targets:cats"
    assert config.targets["cats"].seeds == "corpus/seeds/cats"
    assert not (tmp_path / "mlfuzz.toml").exists()


def test_a_second_time_changes_nothing(tmp_path, capsys):
    main(["-C", str(tmp_path), "init", "reader"])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert main(["-C", str(tmp_path), "init", "reader", "--example", "text"]) == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert capsys.readouterr().out.count("kept ") == 3


@pytest.mark.parametrize("kind", ["image", "audio", "text"])
def test_what_is_written_is_valid_python_of_the_width_that_people_read(tmp_path, kind):
    main(["-C", str(tmp_path), "init", "a_rather_long_name", "--kind", kind])
    for path in (tmp_path / "mlfuzz_targets.py", tmp_path / "tests" / "test_mlfuzz.py"):
        compile(path.read_text(), str(path), "exec")
        assert max(map(len, path.read_text().splitlines())) <= 120


def test_a_model_not_loaded_yet_is_told_by_check_with_the_place(tmp_path, capsys):
    main(["-C", str(tmp_path), "init", "reader"])
    assert main(["-C", str(tmp_path), "check", "reader"]) == 3
    assert "load your torch.nn.Module here: mlfuzz_targets.py" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["class"], "is no Python name"),
        (["a-b"], "is no Python name"),
        (["x", "--kind", "imag"], "did you mean 'image'?"),
        (["x", "--example", "audi"], "did you mean 'audio'?"),
    ],
)
def test_wrong_words_write_nothing(tmp_path, capsys, arguments, message):
    assert main(["-C", str(tmp_path), "init", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
