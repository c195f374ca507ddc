"""A zip archive whose comment is the SHA-256 of everything before it: what `storage.checkpoint` writes. No numpy."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mlfuzz.errors import CorruptRecordError

_MARK = b"mlfuzz sha256 "
_COMMENT_BYTES = len(_MARK) + 64


def sealed(archive: bytes) -> bytes:
    """archive: a zip without a comment."""
    # The last two bytes of a zip archive without a comment are the comment's length.
    body = archive[:-2] + _COMMENT_BYTES.to_bytes(2, "little")
    return body + _MARK + hashlib.sha256(body).hexdigest().encode()


def require_sealed(path: Path, data: bytes) -> None:
    """Raises CorruptRecordError where the content of `path` is not what was sealed."""
    body, comment = data[:-_COMMENT_BYTES], data[-_COMMENT_BYTES:]
    if comment != _MARK + hashlib.sha256(body).hexdigest().encode():
        raise CorruptRecordError(f"{path} is damaged: its checksum does not fit")
