import os

import pytest

from mlfuzz.errors import CorruptRecordError, DiskFullError, StorageError
from mlfuzz.storage import durable
from mlfuzz.storage.durable import append_line, create_exclusive, read_regular, write_atomic


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "file"
    for data in (b"old", b"new and longer", b""):
        write_atomic(path, data)
        assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["file"]


def test_a_failed_replacement_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable.os, "write", refuse)
    with pytest.raises(DiskFullError, match="file: No space left"):
        write_atomic(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_short_writes_are_completed(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(durable.os, "write", lambda descriptor, data: real(descriptor, bytes(data[:3])))
    write_atomic(tmp_path / "file", b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_only_the_first_of_two_creates_a_file(tmp_path):
    path = tmp_path / "file"
    assert create_exclusive(path, b"first")
    assert not create_exclusive(path, b"second")
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["file"]


def test_a_missing_folder_is_a_storage_error_that_names_the_file(tmp_path):
    with pytest.raises(StorageError, match="nowhere"):
        write_atomic(tmp_path / "nowhere" / "file", b"")


def test_lines_are_appended_and_a_torn_one_is_ended_first(tmp_path):
    path = tmp_path / "lines"
    append_line(path, b"one")
    append_line(path, b"two")
    with path.open("ab") as file:
        file.write(b"tor")
    append_line(path, b"three")
    assert path.read_bytes() == b"one\ntwo\ntor\nthree\n"


def test_links_pipes_and_missing_files_are_refused_when_reading(tmp_path):
    (tmp_path / "real").write_bytes(b"data")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    assert read_regular(tmp_path / "real") == b"data"
    for name, reason in (("link", "symbolic link"), ("pipe", "ordinary"), ("missing", "missing"), (".", "ordinary")):
        with pytest.raises(CorruptRecordError, match=reason):
            read_regular(tmp_path / name)


def test_a_write_that_is_interrupted_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(durable.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a", b"x")
    assert list(tmp_path.iterdir()) == []
