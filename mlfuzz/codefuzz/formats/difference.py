"""What became of a file's parts, between what was found and what it was made into."""

from __future__ import annotations

from typing import NamedTuple

from mlfuzz.codefuzz.formats.part import Part, shown

MOST = 12
"""Changes that are told one by one."""

AHEAD = 64
"""Parts among which the same one is looked for: a file of thousands is compared by a stranger's finding."""


class Change(NamedTuple):
    """what: "left out", "put in" or "changed". part: "chunk IHDR". detail: "13 bytes" (unpacked, without lengths and
    checksums), or "07 -> 00"."""

    what: str
    part: str
    detail: str


def difference(before: Part, after: Part) -> list[Change]:
    """In the order of the file, at most MOST and a last one that counts the others; [] where a file has no parts."""
    if before.join is None or after.join is None:
        return []
    found: list[Change] = []
    _compare(before, after, found)
    more = len(found) - MOST
    return found if more <= 0 else [*found[:MOST], Change("and", f"{more:,} changes more", "")]


def _compare(before: Part, after: Part, found: list[Change]) -> None:
    if before.written() == after.written():
        return
    if before.join is None or after.join is None or not (before.parts and after.parts):
        found.append(Change("changed", before.title, _brief(before.written(), after.written())))
        return
    waiting = list(after.parts)
    for one in before.parts:
        same = next((at for at, other in enumerate(waiting[:AHEAD]) if _same(one, other)), -1)
        if same < 0:
            found += _listed("left out", [one])
            continue
        found += _listed("put in", waiting[:same])
        _compare(one, waiting[same], found)
        waiting = waiting[same + 1 :]
    found += _listed("put in", waiting)


def _listed(what: str, parts: list[Part]) -> list[Change]:
    """Space alone is not worth a word."""
    return [Change(what, one.title, _size(body)) for one in parts if (body := one.written()).strip()]


def _same(one: Part, other: Part) -> bool:
    """Whether two parts are the same one, changed perhaps: by what the file calls them, of values by their place."""
    if one.kind == other.kind == "value" and one.name.startswith("value"):
        return one.name == other.name and (one.join is None) == (other.join is None)
    return (one.name, one.label) == (other.name, other.label)


def _size(body: bytes) -> str:
    return f"{len(body):,} byte{'' if len(body) == 1 else 's'}"


def _brief(before: bytes, after: bytes) -> str:
    """The bytes that differ, as text where they are; sizes where they are many."""
    start = next(
        (at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    most = min(len(before), len(after)) - start
    end = next((at for at in range(most) if before[-1 - at] != after[-1 - at]), most)
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    if max(len(old), len(new)) > 16:
        return f"{_size(before)} -> {_size(after)}"
    text = all(32 <= byte < 127 for byte in old + new)
    return (
        f"{shown(old)} -> {shown(new)}"
        if text and old and new
        else f"{old.hex(' ') or 'nothing'} -> {new.hex(' ') or 'nothing'}"
    )
