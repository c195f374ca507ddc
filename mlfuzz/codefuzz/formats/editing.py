"""One change to a tree of parts, as a mutator makes it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from mlfuzz.codefuzz.formats.part import Part, leaf

Change = Callable[[bytes], bytes]

CHANGED, LEFT_OUT, REPEATED, TRADED = 0.5, 0.62, 0.74, 0.94
"""Shares, each up to here: a leaf's bytes, parts away, parts once more, another of its kind instead; then moves."""


def edit(root: Part, rng: Random, change: Change) -> None:
    """Change the tree, whose parts stay as valid as they are. change: of a leaf's bytes."""
    places = [(above, at) for above in (root, *root.below()) for at in range(len(above.parts))]
    if not places:
        root.body = change(root.body)
        return
    chance = rng.random()
    above, at = places[rng.randrange(len(places))]
    part = above.parts[at]
    if chance < CHANGED:
        if part.join is not None:
            leaves = [one for one in part.below() if one.join is None]
            if not leaves:
                return
            part = leaves[rng.randrange(len(leaves))]
        part.body = change(part.body)
    elif chance >= REPEATED and chance < TRADED and part.kind:
        _trade(root, part, rng)
    elif above.fixed:
        part.body, part.parts, part.join = change(part.written()), [], None
    elif chance < LEFT_OUT:
        del above.parts[at : at + rng.choice((1, 1, 1, 2, 4))]
    elif chance < REPEATED:
        more = leaf(part.name, part.written())
        above.parts[at:at] = [more] * rng.choice((1, 1, 1, 2, 8))
    else:
        other = rng.randrange(len(above.parts))
        above.parts[at], above.parts[other] = above.parts[other], above.parts[at]


def _trade(root: Part, part: Part, rng: Random) -> None:
    """In its place what another of its kind is, be it above it: as bytes, so that no part is inside itself."""
    alike = [one for one in (root, *root.below()) if one.kind == part.kind and one is not part]
    choices = [one.written() for one in alike[:1]] if len(alike) == 1 else []
    if len(alike) > 1:
        choices = [alike[rng.randrange(len(alike))].written()]
    body = rng.choice((*choices, *part.plain)) if choices or part.plain else b""
    part.body, part.parts, part.join = body, [], None
