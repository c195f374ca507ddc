import hashlib

import pytest

from mlfuzz.errors import CorruptRecordError, UsageError
from mlfuzz.storage.blobs import Blobs
from mlfuzz.storage.workdir import Workdir


@pytest.fixture
def workdir(tmp_path):
    return Workdir.create(tmp_path / "c")


def test_a_blob_is_named_by_its_content_and_comes_back(workdir):
    blobs = Blobs(workdir)
    digest = blobs.put(b"content")
    assert digest == hashlib.sha256(b"content").hexdigest()
    assert blobs.put(b"content") == digest
    blobs.sync()
    assert digest in blobs
    assert Blobs(workdir).get(digest) == b"content"
    assert [path.name for path in workdir.blobs.rglob("*") if path.is_file()] == [digest]


def test_a_damaged_blob_is_an_error_and_is_mended_by_putting_it_again(workdir):
    blobs = Blobs(workdir)
    digest = blobs.put(b"content")
    workdir.blob(digest).write_bytes(b"c0ntent")
    with pytest.raises(CorruptRecordError, match=digest):
        blobs.get(digest)
    blobs.put(b"content")
    assert blobs.get(digest) == b"content"


def test_a_missing_blob_and_a_name_that_is_none_are_errors(workdir):
    with pytest.raises(CorruptRecordError, match="missing"):
        Blobs(workdir).get("ab" * 32)
    with pytest.raises(UsageError):
        Blobs(workdir).get("../../etc/passwd")
