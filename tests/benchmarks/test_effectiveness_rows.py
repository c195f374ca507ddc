"""A row is taken up only where it is whole and of just what is asked for."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from effectiveness_parts.rows import Key, Rows

KEY = Key("fp16 8-bit", "search:black", 1, "evaluations", 4000, code="aaaa0000", bench="bbbb1111")
RECORD = {"first": None, "margin_largest": float("inf"), "faults_kept": 3}


def test_a_row_comes_back_as_it_was(tmp_path: Path) -> None:
    rows = Rows(tmp_path / "not" / "there")
    rows.add(KEY, RECORD)
    found = rows.find([KEY])
    assert dict(found.taken) == {KEY: RECORD}
    assert found.damaged == ()
    assert found.other == 0
    assert [path.suffix for path in rows.folder.iterdir()] == [".json"]  # nothing half written is left beside it


def test_an_empty_folder_and_one_that_is_not_there_have_no_rows(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        found = Rows(folder).find([KEY])
        assert (dict(found.taken), found.damaged, found.other) == ({}, (), 0)


@pytest.mark.parametrize(
    "change",
    [
        {"task": "fp16_8-bit"}, {"preset": "search_black"}, {"repeat": 11}, {"budget": "seconds"}, {"allowed": 400},
        {"allowed": 4000.5}, {"code": "aaaa0001"}, {"bench": "bbbb1112"},
    ],
)  # fmt: skip
def test_rows_that_differ_in_anything_are_never_mixed(tmp_path: Path, change: dict[str, Any]) -> None:
    rows, other = Rows(tmp_path), dataclasses.replace(KEY, **change)
    rows.add(KEY, RECORD)
    rows.add(other, {"other": 1})
    found = rows.find([other])
    assert dict(found.taken) == {other: {"other": 1}}
    assert found.other == 1


def test_a_whole_number_asks_for_the_same_row_as_the_float() -> None:
    assert KEY.file == dataclasses.replace(KEY, allowed=4000.0).file


def test_a_file_cut_anywhere_is_said_and_not_taken(tmp_path: Path) -> None:
    rows = Rows(tmp_path)
    rows.add(KEY, RECORD)
    path = tmp_path / KEY.file
    whole = path.read_bytes()
    for length in range(len(whole) - 1):  # without the last line break all of it is still there
        path.write_bytes(whole[:length])
        found = rows.find([KEY])
        assert not found.taken, length
        assert len(found.damaged) == 1
        assert str(path) in found.damaged[0]


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"[]", b"null", b"{}", b"[" * 100_000, b'{"key": 1, "record": {}, "sha256": "0"}']
)
def test_what_is_no_row_is_said_and_not_taken(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY.file).write_bytes(content)
    found = Rows(tmp_path).find([KEY])
    assert not found.taken
    assert "run again" in found.damaged[0]


def test_a_figure_changed_by_hand_is_damage(tmp_path: Path) -> None:
    rows = Rows(tmp_path)
    rows.add(KEY, RECORD)
    path = tmp_path / KEY.file
    row = json.loads(path.read_bytes())
    row["record"]["faults_kept"] = 300
    path.write_text(json.dumps(row), encoding="utf-8")
    assert "hash" in rows.find([KEY]).damaged[0]


def test_a_row_under_the_name_of_another_is_damage(tmp_path: Path) -> None:
    rows, other = Rows(tmp_path), dataclasses.replace(KEY, repeat=2)
    rows.add(KEY, RECORD)
    (tmp_path / KEY.file).rename(tmp_path / other.file)
    found = rows.find([other])
    assert not found.taken
    assert "repeat" in found.damaged[0]


def test_a_folder_in_a_rows_place_is_said(tmp_path: Path) -> None:
    (tmp_path / KEY.file).mkdir()
    assert len(Rows(tmp_path).find([KEY]).damaged) == 1
