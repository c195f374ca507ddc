"""A target's digest: two that can answer differently never share one, and the same one has it in every process.

A digest says by which scheme it was made: "2:" and 64 hex digits; without a number it is of the first, see `before`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mlfuzz.errors import ConfigError
from mlfuzz.targets.fingerprint import Fingerprint

SCHEME = "2:"
"""Raised whenever the same target gets another digest, so that campaigns of before are compared by theirs."""

CHUNK = 1 << 20
MOST_NAMED = 3
"""What cannot be read is named up to so many times; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Identity:
    """digest: scheme and 64 hex digits. unverified: what could not be read, each by its path, or () where all was."""

    digest: str
    unverified: tuple[str, ...] = ()


def identity(parts: Mapping[str, Any], facts: object, *, files: Sequence[Path] = (), version: str = "") -> Identity:
    """Of all that answers.

    parts: objects by the name that they go by in messages; None counts as not there. facts: what else decides the
    answers, as values whose repr says all. files: read whole, folders with all that is in them; version: the user's
    word. Either closes what cannot be read: whoever names them vouches for it.
    Raises ConfigError for a file that is not there.
    """
    print_ = Fingerprint()
    for name, part in parts.items():
        print_.add(name, name)
        print_.add(part, name)
    print_.add(repr(facts), "facts")
    print_.add([*_contents(files), version, torch.__version__, list(sys.version_info[:2])], "files")
    closed = bool(files or version)
    return Identity(f"{SCHEME}{print_.digest}", () if closed else tuple(print_.unverified))


def is_same(known: str, target: Any) -> bool:
    """Whether a digest that was written down is this target's, by the scheme that it was made by."""
    if ":" in known:
        return known == str(target.digest)
    return known in (str(target.digest), getattr(target, "digest_before", None))


def unverified_line(target: Any) -> str:
    """What to say of a target whose digest does not see everything, and what closes it; "" of one seen whole."""
    unseen: tuple[str, ...] = getattr(target, "unverified", ())
    if not unseen:
        return ""
    named = ", ".join(unseen[:MOST_NAMED]) + (
        f" and {len(unseen) - MOST_NAMED} more" if len(unseen) > MOST_NAMED else ""
    )
    return (
        f"identity unverified: {named} cannot be read, so that a change there goes unnoticed; "
        'add files=["model.bin"] or version="1" to the target'
    )


def declared(files: Sequence[str | Path] | str | Path) -> tuple[Path, ...]:
    """Files as a target names them, absolute from here on: the folder may change later."""
    return tuple(Path(file).absolute() for file in ([files] if isinstance(files, str | Path) else files))


def _contents(files: Sequence[Path]) -> list[str]:
    """Name and content of each, in the order of the names."""
    found = []
    for file in files:
        inside = sorted(path for path in file.rglob("*") if path.is_file()) if file.is_dir() else [file]
        for path in inside:
            try:
                with path.open("rb") as data:
                    content = hashlib.file_digest(data, "sha256").hexdigest()
            except OSError as error:
                raise ConfigError(
                    f"files= of the target names {path}, which cannot be read: {error.strerror}"
                ) from error
            found.append(f"{path.relative_to(file.parent).as_posix()} {content}")
    return found
