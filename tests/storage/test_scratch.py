"""Temporary files: where they lie, and what is said where nowhere takes any."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

import pytest

from mlfuzz.errors import StorageError
from mlfuzz.storage.scratch import nameless_file, scratch_folder


def test_a_scratch_folder_goes_with_the_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch_folder("mlfuzz-test-") as folder:
        (folder / "file").write_bytes(b"data")
    assert list(tmp_path.iterdir()) == []


def test_where_nowhere_takes_temporary_files_it_is_said_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(StorageError, match="set TMPDIR"), scratch_folder("mlfuzz-test-"):
        pass


def test_a_folder_for_temporary_files_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(StorageError, match="gone"), scratch_folder("mlfuzz-test-"):
        pass


def test_a_nameless_file_needs_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with nameless_file("test") as file:
        file.write(b"data")
        file.seek(0)
        assert file.read() == b"data"
