"""Faults as they come, each told once; after many of them they are counted, and no longer told."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from mlfuzz.cli.terminal.terminal import Terminal

MOST_NEWS = 20
"""Faults that get a line of their own; later ones are counted, and stand in the report."""


class Announcements:
    """known: faults that are no news any more. further: said once no more will be told."""

    def __init__(self, terminal: Terminal, known: Iterable[Hashable] = (), *, further: str) -> None:
        self._terminal, self._further = terminal, further
        self._known = set(known)
        self._announced = 0

    def tell(self, fault: Hashable, line: Callable[[], list[str | tuple[str, str]]]) -> None:
        """Of a confirmed input. line: called where the fault is new, and not one of too many."""
        if fault in self._known:
            return
        self._known.add(fault)
        self._announced += 1
        if self._announced <= MOST_NEWS:
            self._terminal.say(*line())
        if self._announced == MOST_NEWS:
            self._terminal.say((self._further, "dim"))
