"""What a record names stays in its folder, whoever wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from findings.samples import sample

from mlfuzz.errors import CorruptRecordError
from mlfuzz.findings.finding import dumps
from mlfuzz.findings.record import read_record

LEADING_OUT = [
    "../../escaped", "..", ".", "", "/etc/passwd", "a/b", "a\\b", "..\\..\\b", "0123456789abcdef\n", "0123\0", "~/x",
    "C:\\x", "con/../../x", "é" * 300, "0" * 300, "\u202e..", ".hidden", "-rf", "%2e%2e", "a b",
]  # fmt: skip


def record(tmp_path: Path, changes: dict[str, Any]) -> Path:
    finding, _ = sample()
    written = msgspec.json.decode(dumps(finding))
    for name, value in changes.items():
        *parents, key = name.split(".")
        table = written
        for part in parents:
            table = table[part]
        table[key] = value
    path = tmp_path / "finding.json"
    path.write_bytes(msgspec.json.encode(written))
    return path


@pytest.mark.parametrize("name", LEADING_OUT)
@pytest.mark.parametrize("field", ["id", "input.file", "seed.file", "input.sha256", "seed.sha256"])
def test_what_would_become_a_path_is_refused_with_the_name_of_the_file(field: str, name: str, tmp_path: Path) -> None:
    path = record(tmp_path, {field: name})
    with pytest.raises(CorruptRecordError, match=r"finding\.json: ") as caught:
        read_record(path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", LEADING_OUT)
def test_blobs_and_trimmed_inputs_are_judged_too(name: str, tmp_path: Path) -> None:
    good = {"file": "x.png", "sha256": "0" * 64}
    for field in ("file", "sha256"):
        bad = {**good, field: name}
        trimmed = {"file": bad, "changed": 1, "of": 2, "what": "pixels"}
        for changes in ({"blobs": [good, bad]}, {"trimmed": trimmed}):
            with pytest.raises(CorruptRecordError):
                read_record(record(tmp_path, changes))


@pytest.mark.parametrize("name", ["finding.json", "repro.py", "traceback.txt"])
def test_a_file_is_not_called_what_is_written_beside_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(CorruptRecordError, match="file of its own"):
        read_record(record(tmp_path, {"input.file": name}))


def test_names_of_targets_and_labels_may_hold_anything_a_folder_can_be_made_of(tmp_path: Path) -> None:
    for name in ("../../x", "a\nb\0c", "größe 7", "a" * 255):
        read_record(record(tmp_path, {"target": name, "label": name}))
    for name in ("a" * 256, "é" * 200):
        for field in ("target", "label"):
            with pytest.raises(CorruptRecordError, match="too long"):
                read_record(record(tmp_path, {field: name}))


def test_every_name_that_mlfuzz_gives_is_taken(tmp_path: Path) -> None:
    for name in (
        "input.png",
        "input-4c267007.png",
        "x.seed.flac",
        f"{'0' * 64}.trimmed-abcdef01.png",
        "id.blob-ab.npy",
    ):
        read_record(record(tmp_path, {"input.file": name}))
