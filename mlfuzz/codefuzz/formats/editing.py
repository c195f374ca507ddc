"""One change to a tree of parts, as a mutator makes it, and back: a tree is walked once for many mutants."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from mlfuzz.codefuzz.formats.part import Join, Part, leaf

Change = Callable[[bytes], bytes]
Saved = tuple[Part, bytes, list[Part], Join | None]
"""A part as it was."""

CHANGED, LEFT_OUT, REPEATED, TRADED = 0.5, 0.62, 0.74, 0.94
"""Shares, each up to here: a leaf's bytes, parts away, parts once more, another of its kind instead; then moves."""


def edit(root: Part, rng: Random, change: Change) -> Saved:
    """Change the tree, whose parts stay valid; what was changed, for `back`. change: of a leaf's bytes."""
    every = [root, *root.below()]
    above = every[rng.randrange(len(every))]
    chance = rng.random()
    if chance < CHANGED:
        leaves = [one for one in every if one.join is None]
        part = leaves[rng.randrange(len(leaves))] if leaves else root
        saved = (part, part.body, part.parts, part.join)
        _become(part, change(part.written()))
        return saved
    if chance >= REPEATED and chance < TRADED and above.kind:
        saved = (above, above.body, above.parts, above.join)
        _become(above, _other(every, above, rng))
        return saved
    while above.fixed or not above.parts:
        above = every[rng.randrange(len(every))] if rng.random() < 0.9 else root
        if above is root:
            break
    saved = (above, above.body, above.parts, above.join)
    _arrange(above, rng, chance, change)
    return saved


def back(saved: Saved) -> None:
    """The part as it was."""
    part = saved[0]
    _, part.body, part.parts, part.join = saved


def _become(part: Part, body: bytes) -> None:
    part.body, part.parts, part.join = body, [], None


def _other(every: list[Part], part: Part, rng: Random) -> bytes:
    """What another of its kind is, be it above it: as bytes, so that no part is inside itself."""
    alike = [one for one in every if one.kind == part.kind and one is not part]
    if alike and (not part.plain or rng.random() < 0.8):
        return alike[rng.randrange(len(alike))].written()
    return rng.choice(part.plain) if part.plain else b""


def _arrange(above: Part, rng: Random, chance: float, change: Change) -> None:
    """Parts away, once more, or in another order."""
    if above.fixed or not above.parts:
        if above.join is None:
            _become(above, change(above.body))
        return
    parts = above.parts = list(above.parts)
    at = rng.randrange(len(parts))
    if chance < LEFT_OUT:
        del parts[at : at + rng.choice((1, 1, 1, 2, 4))]
    elif chance < REPEATED:
        parts[at:at] = [leaf(parts[at].name, parts[at].written())] * rng.choice((1, 1, 1, 2, 8))
    else:
        other = rng.randrange(len(parts))
        parts[at], parts[other] = parts[other], parts[at]
