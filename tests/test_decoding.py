"""What no reader of JSON or TOML may be brought down by, whoever wrote the bytes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from findings.samples import sample

from mlfuzz.campaign import spec
from mlfuzz.campaign.worker.combined_stats import read_part
from mlfuzz.codefuzz.native.variants import Lane, _read
from mlfuzz.codefuzz.runtime.messages import HEAD, MessageBuffer
from mlfuzz.config import Config, find, thaw
from mlfuzz.config.resolve import resolve
from mlfuzz.corpus import entry
from mlfuzz.corpus.entry import Entry
from mlfuzz.decoding import DEEPEST, json_as, toml_table
from mlfuzz.errors import MlfuzzError
from mlfuzz.findings import finding
from mlfuzz.progress import Stats, read_progress, read_stats
from mlfuzz.storage.workdir import Workdir

DEEP = DEEPEST + 1
"""Deeper than any record of ours; Python's own limit is ten times that."""


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def put_in(record: bytes, name: str, value: bytes) -> bytes:
    """A record with one more field."""
    return record.rstrip()[:-1].rstrip() + b', "' + name.encode() + b'": ' + value + b"}"


STATS = msgspec.json.encode(Stats(campaign="c", started="now"))
SPEC = b'{"target": "examples:digits"}'
PART = msgspec.json.encode({"stats": {"campaign": "c", "started": "now"}})
ENTRY = entry.dumps(Entry(life="w0-1-abcdef", sequence=1))


def part_of(data: bytes, folder: Path) -> object:
    workdir = Workdir(folder)
    workdir.part(0).parent.mkdir(parents=True, exist_ok=True)
    workdir.part(0).write_bytes(data)
    assert read_part(workdir, 0) is None
    raise MlfuzzError("it has not counted yet")


def lane(data: bytes, folder: Path) -> Lane:
    (folder / "lane.json").write_bytes(data)
    return _read(folder / "lane.json")


def progress(data: bytes, folder: Path) -> None:
    told: list[str] = []
    assert read_progress(data + b"\n", "p", told.append) == []
    raise MlfuzzError(told[0])


def message(data: bytes, folder: Path) -> None:
    try:
        MessageBuffer().feed(HEAD.pack(len(data), 0) + data)
    except ValueError as error:
        raise MlfuzzError(str(error)) from error


def header(data: bytes, folder: Path) -> None:
    """As the corpus has it: what raises a DecodeError is counted as unreadable."""
    for read in (entry.glance, entry.loads):
        with pytest.raises(msgspec.DecodeError):
            read(data)
    raise MlfuzzError("counted")


RECORDS: dict[str, tuple[bytes, str, Callable[[bytes, Path], Any]]] = {
    "finding": (finding.dumps(sample()[0]), "evidence", lambda data, _: finding.loads(data)),
    "stats": (STATS, "target", lambda data, _: read_stats(data)),
    "progress": (b'{"life": "a"}', "coverage", progress),
    "worker.json": (SPEC, "limits", lambda data, _: spec.loads(data)),
    "target.json": (b'{"digest": "a"}', "more", lambda data, _: spec.target_digest(data)),
    "banned.json": (b"[]", "", lambda data, _: spec.banned_entries(data)),
    "part": (PART, "progress", part_of),
    "lane": (b'{"name": "address"}', "variables", lane),
    "entry": (ENTRY, "chain", header),
    "message": (b'{"event": "done"}', "more", message),
}


@pytest.mark.parametrize("depth", [DEEP, 900, 100_000])
@pytest.mark.parametrize("name", RECORDS)
def test_a_record_nested_deeper_than_can_be_walked_is_refused_as_damaged(name, depth, tmp_path):
    record, field, read = RECORDS[name]
    data = put_in(record, field, b'{"a": ' + nested(depth) + b"}") if field else nested(depth)
    if name == "message":
        data = data if depth > 10_000 else b"["  # nobody walks a message; Python's own limit holds
    with pytest.raises(MlfuzzError):
        read(data, tmp_path)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_is_no_text_is_refused_as_damaged(name, tmp_path):
    read = RECORDS[name][2]
    for data in (b"\xff\xfe", b"", b'{"a": "\xff', b"\x00" * 40):
        with pytest.raises(MlfuzzError):
            read(data, tmp_path)


@pytest.mark.parametrize("name", ["finding", "stats", "worker.json"])
def test_half_a_surrogate_pair_in_a_free_table_is_refused_as_damaged(name, tmp_path):
    record, field, read = RECORDS[name]
    for text in (b"\xed\xa0\x80", b"\xff", b"\\ud800"):
        with pytest.raises(MlfuzzError):
            read(put_in(record, field, b'{"a": "' + text + b'"}'), tmp_path)


def test_a_message_that_is_no_table_cannot_be_one():
    for body in (b"[]", b"7", b"null", b'"event"'):
        with pytest.raises(ValueError, match="damaged"):
            MessageBuffer().feed(HEAD.pack(len(body), 0) + body)


DAMAGED_TOML = {
    "deep": "a = " + "[" * DEEP + "]" * DEEP,
    "bottomless": "a = " + "[" * 5000,
    "tables": "a = " + "{b = " * 3000,
    "dotted": ".".join(["a"] * 3000) + " = 1",
    "headed": "[" + ".".join(["a"] * DEEP) + "]",
    "number": "a = " + "9" * 5000,
}
"""What tomllib raises a RecursionError or a bare ValueError for, or what is too deep to be written again."""


@pytest.mark.parametrize("name", DAMAGED_TOML)
def test_a_project_file_that_tomllib_falls_over_is_refused_with_its_name(name, tmp_path):
    for file, text in (("mlfuzz.toml", "{}\n"), ("pyproject.toml", "[tool.mlfuzz]\n{}\n")):
        folder = tmp_path / file.partition(".")[0]
        folder.mkdir()
        (folder / file).write_text(text.format("") + DAMAGED_TOML[name])
        with pytest.raises(MlfuzzError, match=re.escape(file)):
            find(folder)


@pytest.mark.parametrize("name", DAMAGED_TOML)
def test_a_frozen_configuration_and_an_argument_are_refused_alike(name, tmp_path):
    with pytest.raises(MlfuzzError, match=r"campaign\.toml"):
        thaw(DAMAGED_TOML[name])
    value = DAMAGED_TOML[name].partition(" = ")[2]
    if value:  # an argument that is no value is taken as text
        flags = {"fuzz": {"coverage": f"novelty:radius={value}"}}
        assert isinstance(resolve(tmp_path, flags=flags, environment={}).config, Config)


def test_brackets_within_texts_are_no_depth():
    text = '"' + "[" * 1000 + '\\"' + "{" * 1000 + '"'
    assert json_as(text.encode(), str) == "[" * 1000 + '"' + "{" * 1000
    assert toml_table(f"a = {text}")["a"].startswith("[[")


def test_looking_for_depth_takes_a_time_that_grows_with_the_bytes_alone():
    started = time.process_time()
    with pytest.raises(msgspec.DecodeError):
        json_as(b"[" * 200 + b'"' + b'\\"' * 500_000, str)
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize(
    "field",
    [
        {"operators": {"image.rotate": {"rows_by_severity": [1, 2]}}},
        {"operators": {"image.rotate": {"failures_by_severity": [0] * 6}}},
        {"confusion": [["7", "1"]]}, {"confusion": [["7", "1", "three", "label"]]}, {"confusion": [[[], "1", 3]]},
        {"seeds": {"failing": [["a.png", "7"]]}},
    ],
)  # fmt: skip
def test_figures_whose_rows_have_another_width_are_refused_as_damaged(field):
    with pytest.raises(MlfuzzError):
        read_stats(msgspec.json.encode({"campaign": "c", "started": "now", **field}))


def test_figures_as_they_are_written_are_taken():
    rows = {"confusion": [["7", "1", 3], ["7", None, 3, "label"]], "seeds": {"failing": [["a.png", "7", "1"]]}}
    assert read_stats(msgspec.json.encode({"campaign": "c", "started": "now", **rows})).confusion == rows["confusion"]
