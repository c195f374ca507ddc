"""A campaign's figures, of either side, as they are written: progress.jsonl while it runs, stats.json now and then."""

from __future__ import annotations

from collections import deque

import msgspec

from mlfuzz.progress import Progress, Stats
from mlfuzz.storage.durable import append_line, write_atomic
from mlfuzz.storage.workdir import Workdir

RECENT_RECORDS = 16
"""Rates are of so many progress records, about half a minute: a turn of a harness or a slow batch takes seconds."""


class StatsWriter:
    """Of whoever holds the campaign; nobody else writes these two files."""

    def __init__(self, workdir: Workdir) -> None:
        self._workdir = workdir

    def append(self, progress: Progress) -> None:
        """Let those who watch see a record of now."""
        append_line(self._workdir.progress, msgspec.json.encode(progress))

    def save(self, stats: Stats) -> None:
        """For reports and for the next life."""
        write_atomic(self._workdir.stats, msgspec.json.format(msgspec.json.encode(stats), indent=1), sync=False)


class Rates:
    """How fast it goes, by the last few records."""

    def __init__(self, now: float, inputs: int = 0, entries: int = 0) -> None:
        self._records = deque([(now, inputs, entries)], maxlen=RECENT_RECORDS)

    def add(self, now: float, inputs: int, entries: int) -> None:
        """A record of now."""
        self._records.append((now, inputs, entries))

    @property
    def inputs_per_s(self) -> float:
        """0 where none ran."""
        (first, before, _), (last, inputs, _) = self._records[0], self._records[-1]
        return (inputs - before) / max(last - first, 1e-9) if inputs > before else 0.0

    @property
    def p_new(self) -> float:
        """Entries an input; 0 where none ran."""
        (_, before, had), (_, inputs, entries) = self._records[0], self._records[-1]
        return max(0, entries - had) / (inputs - before) if inputs > before else 0.0
