"""The corpus that a worker has, and the campaign's."""

from __future__ import annotations

import errno

import pytest

from mlfuzz.codefuzz.corpus.corpus_directory import WorkCorpus, put
from mlfuzz.errors import DiskFullError
from mlfuzz.storage import durable


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_an_input_is_put_once_and_whole(tmp_path):
    assert put(tmp_path, b"abc")
    assert not put(tmp_path, b"abc")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"abc"]


def test_a_full_disk_is_told_as_what_it_is_and_leaves_no_half_file(tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "write_new", full)
    with pytest.raises(DiskFullError, match="make room"):
        put(tmp_path, b"abc")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_the_collecting_of_a_workers_files(tmp_path, monkeypatch):
    work = WorkCorpus(tmp_path / "scratch", tmp_path / "corpus", 64)
    work.arguments()
    (tmp_path / "scratch" / "work" / "corpus" / "new").write_bytes(b"abc")
    monkeypatch.setattr(durable, "write_new", full)
    with pytest.raises(DiskFullError):
        work.collect()
