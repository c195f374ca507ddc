"""Content by its digest."""

from __future__ import annotations

import hashlib

import pytest

from mlfuzz.errors import ReplayError
from mlfuzz.storage.contents import Contents


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_what_was_put_is_found_by_the_hash_of_its_bytes() -> None:
    contents = Contents()
    assert contents.put(b"a picture") == digest(b"a picture")
    assert contents.get(digest(b"a picture")) == b"a picture"


def test_what_nobody_has_is_said_with_where_it_should_lie() -> None:
    with pytest.raises(ReplayError, match="blob-"):
        Contents().get(digest(b"gone"))


def test_a_source_is_asked_until_it_is_detached_and_is_not_believed() -> None:
    contents = Contents()
    files = {digest(b"true"): b"true", digest(b"other"): b"forged"}
    source = files.get
    contents.attach(source)
    assert contents.get(digest(b"true")) == b"true"
    with pytest.raises(ReplayError):
        contents.get(digest(b"other"))
    contents.detach(source)
    with pytest.raises(ReplayError):
        contents.get(digest(b"true"))


def test_the_oldest_content_gives_way_and_comes_from_its_source_again() -> None:
    contents = Contents(most_bytes=10)
    first = contents.put(b"12345678")
    contents.put(b"abcdefgh")
    with pytest.raises(ReplayError):
        contents.get(first)
    contents.attach({first: b"12345678"}.get)
    assert contents.get(first) == b"12345678"
