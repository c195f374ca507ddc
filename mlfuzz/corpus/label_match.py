"""File names as a table of labels writes them -> the files: without suffix, in other folders, in other letters."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath

Parts = tuple[str, ...]
Key = Callable[[Parts], Parts]


def matched(written: Sequence[str], files: Sequence[str]) -> tuple[list[str | None], str]:
    """For each name that is written the file it means, None where there is none; and in words how the two differ.

    One way of reading goes for all names: the one by which most are found, the more exact one of two that find as many.
    A name that fits several files means none of them.
    """
    asked, there = [parts_of(name) for name in written], [(parts_of(file), file) for file in files]
    best: tuple[list[str | None], str] = ([None] * len(asked), "")
    most = 0
    for words, found in _ways(asked, there):
        count = sum(one is not None for one in found)
        if count > most:
            best, most = (found, words), count
        if most == len(asked):
            break
    return best


def parts_of(name: str) -> Parts:
    """Of a path of any system, in one Unicode form; what leads upwards, and a drive, is left out."""
    text = unicodedata.normalize("NFC", name.strip().strip("\"'").strip()).replace("\\", "/")
    drive, colon, rest = text.partition(":")
    text = rest if colon and len(drive) == 1 else text
    return tuple(part for part in text.split("/") if part not in ("", ".", ".."))


def _ways(asked: Sequence[Parts], there: Sequence[tuple[Parts, str]]) -> Iterator[tuple[str, list[str | None]]]:
    shared = _shared([parts[:-1] for parts in asked if parts])
    distinct = len({parts[-1:] for parts in asked}) == len(asked)
    for said, key in _KEYS:
        ends = _ends(there, key)
        for drop in range(shared + 1):
            words = ", ".join(part for part in (said, "in other folders" if drop else "") if part)
            yield words, [ends.get(key(parts[drop:])) if parts else None for parts in asked]
        if distinct:
            words = ", ".join(part for part in (said, "by the last part of their paths") if part)
            yield words, [ends.get(key(parts[-1:])) if parts else None for parts in asked]


def _shared(folders: Sequence[Parts]) -> int:
    """How many folders all begin with."""
    first, last = min(folders, default=()), max(folders, default=())
    alike = [one == other for one, other in zip(first, last, strict=False)]
    return alike.index(False) if False in alike else len(alike)


def _ends(there: Sequence[tuple[Parts, str]], key: Key) -> dict[Parts, str | None]:
    """Each end of each path, whole ones first; None for what ends several."""
    whole: dict[Parts, str | None] = {}
    for parts, file in there:
        whole[key(parts)] = None if key(parts) in whole else file
    ends: dict[Parts, str | None] = {}
    for parts, file in there:
        for start in range(1, len(parts)):
            end = key(parts[start:])
            if end not in whole:
                ends[end] = None if end in ends else file
    return ends | whole


def _same(parts: Parts) -> Parts:
    return parts


def _bare(parts: Parts) -> Parts:
    return (*parts[:-1], PurePosixPath(parts[-1]).stem) if parts else parts


def _small(parts: Parts) -> Parts:
    return tuple(part.casefold() for part in parts)


def _small_bare(parts: Parts) -> Parts:
    return _bare(_small(parts))


def _number(parts: Parts) -> Parts:
    """The last part as a number, if it is one: 7, 7.0, 007 and 007.png are the same."""
    if not parts:
        return parts
    stem = parts[-1].partition(".")[0]
    return (*parts[:-1], stem.lstrip("0") or "0") if stem.isascii() and stem.isdigit() else parts


_KEYS: tuple[tuple[str, Key], ...] = (
    ("", _same),
    ("without their suffixes", _bare),
    ("in other letters", _small),
    ("in other letters, without their suffixes", _small_bare),
    ("as numbers", _number),
)
