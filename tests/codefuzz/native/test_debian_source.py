"""Sources are fetched with lists of our own, and unpacked as their authors released them."""

from __future__ import annotations

import io
import tarfile

import pytest

from mlfuzz.codefuzz.native import debian_source
from mlfuzz.errors import TargetError

SOURCES = "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: stable\nComponents: main\n"
LIST = "deb http://deb.debian.org/debian stable main\n# deb is above\n"
FOREIGN = "deb http://example.org/apt stable main\n"


@pytest.fixture
def lists(tmp_path, monkeypatch):
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    monkeypatch.setattr(debian_source, "LISTS", (tmp_path / "sources.list", folder))
    return folder


@pytest.fixture
def commands(monkeypatch):
    """apt-get, as far as it is needed: `source` brings an archive of one file."""
    seen: list[list[str]] = []

    def run(command, directory, variables, on_line):
        seen.append(list(command))
        if "source" in command:
            with tarfile.open(directory / "thing_1.0.orig.tar.xz", "w:xz") as packed:
                member = tarfile.TarInfo("thing-1.0/main.c")
                member.size = 3
                packed.addfile(member, io.BytesIO(b"int"))

    monkeypatch.setattr(debian_source, "run", run)
    return seen


def test_the_upstream_sources_are_unpacked_and_lists_ask_for_sources(tmp_path, lists, commands):
    (lists / "debian.sources").write_text(SOURCES)
    (lists / "debian.list").write_text(LIST)
    (lists / "other.list").write_text(FOREIGN)
    place = tmp_path / "build"
    found = debian_source.unpack_source("thing", place, lambda line: None)
    assert (found / "main.c").read_bytes() == b"int"
    assert found.name == "thing-1.0"
    written = {path.name: path.read_text() for path in (place / "sources.d").iterdir()}
    assert sorted(written) == ["debian.list", "debian.sources"]
    assert "Types: deb-src\n" in written["debian.sources"]
    assert written["debian.list"].startswith("deb-src http://deb.debian.org/debian")


def test_apt_is_never_pointed_at_the_systems_lists(tmp_path, lists, commands):
    (lists / "debian.sources").write_text(SOURCES)
    debian_source.unpack_source("thing", tmp_path / "build", lambda line: None)
    assert len(commands) == 2
    for command in commands:
        settings = " ".join(command)
        assert "Dir::Etc::sourcelist=/dev/null" in settings
        assert f"Dir::State::lists={tmp_path / 'build' / 'lists'}" in settings


def test_without_a_list_of_debians_it_says_so_before_anything_is_fetched(tmp_path, lists, commands):
    (lists / "other.list").write_text(FOREIGN)
    with pytest.raises(TargetError, match="no source list"):
        debian_source.unpack_source("thing", tmp_path / "build", lambda line: None)
    assert commands == []
