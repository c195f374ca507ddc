"""Whatever is damaged of what a campaign has kept is found, named by its place, and counted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import specimen

from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Entry
from mlfuzz.integrity.inspect import inspect
from mlfuzz.storage.checkpoint import Checkpoint, create_checkpoint
from mlfuzz.storage.workdir import Workdir

VECTOR = np.zeros(4, np.float32)
LIFE = "w00-0002-00000000"


@pytest.fixture
def kept(built: Path, tmp_path: Path) -> Workdir:
    """Findings, a journal of two lives with several segments, blobs, and a calibration."""
    return Workdir(shutil.copytree(built, tmp_path / "digits-fragile"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, not to be written to."""
    workdir = specimen.build(tmp_path_factory.mktemp("built"))
    corpus = Corpus.open(workdir, LIFE, segment_bytes=600)
    for number in range(12):
        corpus.add(Entry(seed=number), VECTOR, bytes([number]) * (70_000 if number % 4 == 0 else 100))
    corpus.close()
    create_checkpoint(workdir.calibration("abc"), Checkpoint({"fit": VECTOR}))
    return workdir.root


def segment(workdir: Workdir, number: int = 2) -> Path:
    return workdir.segment(LIFE, number)


def blob(workdir: Workdir) -> Path:
    return min(workdir.blobs.glob("*/*"))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def in_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


FILES: dict[str, tuple[Callable[[Workdir], Path], str]] = {
    "segment": (segment, "journal"), "blob": (blob, "blob"),
    "calibration": (lambda one: one.calibration("abc"), "calibration"),
    "record": (lambda one: min(one.findings.glob("*/finding.json")), "finding"),
    "input": (lambda one: min(one.findings.glob("*/input.png")), "finding"),
}  # fmt: skip
WAYS: dict[str, Callable[[Path], None]] = {
    "a bit": flip, "emptied": lambda path: path.write_bytes(b"") and None, "gone": Path.unlink, "folder": in_place,
    "fifo": fifo, "endless": endless,
}  # fmt: skip


def test_a_whole_campaign_is_whole_and_all_of_it_is_counted(kept: Workdir) -> None:
    found = inspect(kept)
    assert (found.whole, found.exit_code, found.summary(), found.sentence()) == (True, 0, "", "")
    assert (found.entries, found.blobs, found.findings) == (412 + 12, 3, len(list(kept.findings.iterdir())))


QUICK = ("a bit", "fifo")
CASES = [
    pytest.param(file, way, marks=() if way in QUICK else pytest.mark.slow)
    for file in FILES
    for way in WAYS
    if (file, way) != ("record", "a bit")  # it has no checksum
]


@pytest.mark.parametrize(("file", "way"), CASES)
def test_each_damage_to_each_file_is_named_by_its_place(file: str, way: str, kept: Workdir) -> None:
    inspect(kept)  # what was found then holds no longer
    where, what = FILES[file]
    WAYS[way](where(kept))
    found = inspect(kept)
    if file == "calibration" and way == "gone":  # measured again, and nothing names it
        assert found.whole
        return
    assert found.exit_code == 3
    assert {loss.what for loss in found.losses} == {what}
    assert all(loss.reason for loss in found.losses)
    assert inspect(kept, afresh=True) == found


def test_entries_that_only_the_figures_know_are_gone(kept: Workdir) -> None:
    for path in kept.life(specimen.LIFE).iterdir():
        path.unlink()
    found = inspect(kept)
    assert found.gone == 412 - 12
    assert "400 entries are gone; mlfuzz campaign verify digits-fragile says where" in found.sentence()


def test_a_last_record_that_is_not_whole_is_no_damage(kept: Workdir) -> None:
    life = kept.new_life()
    corpus = Corpus.open(kept, life)
    corpus.add(Entry(), VECTOR, b"payload")
    with kept.segment(life, 1).open("ab") as file:
        file.write(b"half a rec")
    found = inspect(kept)
    assert found.whole
    assert found.pending == {f"journal/{life}/000001.mlj": 10}
    assert "1 last record is not whole (10 bytes)" in found.unfinished()
    corpus.close()


def test_a_damaged_memory_of_what_was_found_is_as_good_as_none(kept: Workdir) -> None:
    before = inspect(kept)
    for data in (b"", b"[1]", b'{"schema": "mlfuzz.verified/99", "files": {}}'):
        kept.verified.write_bytes(data)
        assert inspect(kept) == before
