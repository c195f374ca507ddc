"""Names that come from data and become parts of paths: which may, and what stands in place of those that may not.

Records, campaigns and folders of inputs come from strangers too. A name that is let through leads nowhere but into the
folder it is put in, shows as it is, and can be checked out on any system.
"""

from __future__ import annotations

import re
from pathlib import Path

from mlfuzz.errors import UsageError

ID = re.compile(r"[0-9a-f]{8,64}")
"""Of a finding."""

DIGEST = re.compile(r"[0-9a-f]{64}")
"""A SHA-256."""

MOST_BYTES = 255
"""The longest name that file systems in use take."""

_ROOM_BYTES = 40
"""What is put around a name: a suffix, the mark of a file that is still being written."""

_PLAIN = re.compile(r"[\w][\w.+-]*")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,119}")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
"""Devices, on Windows, in whatever folder."""

_SUFFIX_CHARACTERS = 16


def plain(name: str) -> str:
    """A name that cannot lead out of its folder, and is short enough for one. Raises UsageError."""
    if not is_plain(name):
        raise UsageError(f"{name[:80]!a} is no name for a file; use letters, digits, '-', '_' and '.'")
    if len(name.encode()) > MOST_BYTES - _ROOM_BYTES:
        raise UsageError(f"{name[:40]!a}... is too long for a name; use {MOST_BYTES - _ROOM_BYTES} bytes at most")
    return name


def is_plain(name: str) -> bool:
    """Whether it is one part of a path, and shows as it is."""
    return _PLAIN.fullmatch(name) is not None


def is_file_name(name: str) -> bool:
    """Whether a file beside a record may be called so, on any system."""
    shaped = _FILE.fullmatch(name) is not None and len(Path(name).suffix) <= _SUFFIX_CHARACTERS
    return shaped and not name.endswith(".") and not _RESERVED.fullmatch(name)


def folder_name(text: str) -> str:
    """Any text as the name of a folder: "digits:fragile" -> "digits-fragile"."""
    name = re.sub(r"[^\w.+-]+", "-", text).strip("-.+") or "target"
    return f"{name}-" if _RESERVED.fullmatch(name) else name
