"""A folder that shows another's files and keeps what is written to itself."""

from __future__ import annotations

import os

import pytest

from mlfuzz.codefuzz.runtime import overlay as module
from mlfuzz.codefuzz.runtime.overlay import overlay


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project, here = tmp_path / "project", tmp_path / "scratch" / "here"
    (project / "data").mkdir(parents=True)
    (project / "data" / "words.txt").write_text("a few")
    return project, here


def read(name: str) -> str:
    with open(name) as file:
        return file.read()


def test_files_are_read_by_relative_paths_and_new_ones_lie_elsewhere(folders):
    project, here = folders
    overlay(str(project), str(here))
    assert read("data/words.txt") == "a few"
    with open("made.txt", "w") as file:
        file.write("new")
    assert os.path.samefile(os.getcwd(), here)
    assert [path.name for path in project.iterdir()] == ["data"]


def test_what_an_earlier_input_has_made_stays_and_what_it_has_removed_is_there_again(folders):
    project, here = folders
    overlay(str(project), str(here))
    with open("made.txt", "w") as file:
        file.write("new")
    os.unlink("data")
    overlay(str(project), str(here))
    assert read("made.txt") == "new"
    assert read("data/words.txt") == "a few"


def test_a_folder_that_is_gone_or_has_too_many_files_shows_what_can_be_shown(folders, monkeypatch):
    project, here = folders
    overlay(str(project / "nowhere"), str(here))
    assert os.listdir(".") == []
    monkeypatch.setattr(module, "MOST_LINKS", 3)
    for number in range(9):
        (project / str(number)).write_text("")
    overlay(str(project), str(here))
    assert len(os.listdir(".")) == 3
