"""The few files that reach what all reach.

Source: the greedy set cover of Chvatal (1979), sizes as costs; libFuzzer's `-merge` runs the program again through a
shell, which a Python harness does not survive, and returns an empty corpus.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import TypeVar

Name = TypeVar("Name")


def cover(reached: Mapping[Name, frozenset[int]], sizes: Mapping[Name, int]) -> list[Name]:
    """Names whose edges together are all edges, in the order in which they were chosen.

    The most new edges a byte come first; ties go to the smaller file, then to the one named first.
    """
    missing = set().union(*reached.values()) if reached else set()
    order = {name: number for number, name in enumerate(reached)}
    heap = [(-_worth(len(edges), sizes[name]), sizes[name], order[name], name) for name, edges in reached.items()]
    heapq.heapify(heap)
    chosen: list[Name] = []
    while missing and heap:
        worth, size, number, name = heapq.heappop(heap)
        fresh = len(reached[name] & missing)
        now = -_worth(fresh, size)
        if not fresh:
            continue
        if now > worth:  # it was worth more when it was put there: others have taken its edges since
            heapq.heappush(heap, (now, size, number, name))
            continue
        chosen.append(name)
        missing -= reached[name]
    return _without_needless(chosen, reached)


def _worth(edges: int, size: int) -> float:
    return edges / (size + 16.0)  # an empty file must not be worth infinitely much


def _without_needless(chosen: list[Name], reached: Mapping[Name, frozenset[int]]) -> list[Name]:
    """Drop, first chosen first, what the others reach as well."""
    counts: dict[int, int] = {}
    for name in chosen:
        for edge in reached[name]:
            counts[edge] = counts.get(edge, 0) + 1
    kept = list(chosen)
    for name in chosen:
        if all(counts[edge] > 1 for edge in reached[name]):
            kept.remove(name)
            for edge in reached[name]:
                counts[edge] -= 1
    return kept
