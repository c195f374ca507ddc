"""Simpler files of a format, from coarse to fine: what the minimiser tries before it goes over to bytes.

Source: Misherghi and Su, HDD: Hierarchical Delta Debugging, ICSE 2006; replacing a subtree by one inside it: Hodovan,
Kiss, Gyimothy, Coarse Hierarchical Delta Debugging, ICSME 2017.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from mlfuzz.codefuzz.formats.part import Part

Search = Generator[bytes, bool | None, None]
"""Yields candidates; sent True where one is kept, it goes on from there. Without an answer all are of the first."""

MOST_HEIRS = 48
"""Parts that are tried in the place of one above them, the smallest first."""

FINE, MOST_CUTS = 256, 64
"""Bytes of a leaf that is cut byte by byte; a longer one into so many pieces."""


def simpler(root: Part) -> Search:
    """Each candidate is a whole file again: parts are left out, or replaced by less, level by level."""
    level = [root]
    while level:
        for part in level:
            yield from _replaced(root, part)
        for part in level:
            if not part.fixed:
                yield from _left_out(root, part)
        level = [below for part in level for below in part.parts]
    for part in [root, *root.below()]:
        if part.join is None and len(part.body) > 1:
            yield from _shortened(root, part)


def _replaced(root: Part, part: Part) -> Search:
    """By the least of its kind, or by a part inside it."""
    body = part.written()
    for plain in part.plain:
        less = replace(part, body=plain, parts=[], join=None)
        if (len(plain), plain) < (len(body), body) and (yield from _tried(root, part, less)):
            return
    if part.kind:
        heirs = [one for one in part.below() if one.kind == part.kind]
        for heir in sorted(heirs[:MOST_HEIRS], key=lambda one: len(one.written())):
            if (yield from _tried(root, part, heir)):
                return


def _tried(root: Part, part: Part, other: Part) -> Generator[bytes, bool | None, bool]:
    """Whether it is kept in its place."""
    before = replace(part)
    _put(part, other)
    if (yield root.written()):
        return True
    _put(part, before)
    return False


def _put(part: Part, other: Part) -> None:
    part.name, part.body, part.parts, part.join = other.name, other.body, other.parts, other.join
    part.kind, part.fixed, part.plain, part.label = other.kind, other.fixed, other.plain, other.label


def _left_out(root: Part, part: Part) -> Search:
    width = len(part.parts)
    while width:
        start = 0
        while start < len(part.parts):
            before = part.parts
            part.parts = before[:start] + before[start + width :]
            if not (yield root.written()):
                part.parts = before
                start += width
        width //= 2


def _shortened(root: Part, part: Part) -> Search:
    width = len(part.body)
    least = 1 if width <= FINE else width // MOST_CUTS
    while width >= least:
        start = 0
        while start < len(part.body):
            before = part.body
            part.body = before[:start] + before[start + width :]
            if not (yield root.written()):
                part.body = before
                start += width
        width //= 2
