"""What a campaign says of itself: `progress.jsonl` while it runs, `stats.json` when it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from mlfuzz.decoding import json_as
from mlfuzz.discoveries import Discoveries, NewFaults, new_faults
from mlfuzz.errors import SchemaError

PROGRESS_SCHEMA = "mlfuzz.progress/1"
STATS_SCHEMA = "mlfuzz.stats/1"

SEVERITY_BINS = 5
"""Failure rates are counted in fifths of each operator's range."""

Bins: TypeAlias = Annotated[list[int], Meta(min_length=SEVERITY_BINS, max_length=SEVERITY_BINS)]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `progress.jsonl`, every few seconds.

    seconds: of the whole campaign, over all lives. failing: rows that failed an oracle (most repeat known keys).
    coverage: the criterion's own figures. candidates: inputs saved.
    p_new: share of the last inputs that became entries. new_faults: that an input shows from now on, of models; None:
    of code, and before it was told. damage: of the journal, as far as this process has met it, by
    kind (damaged, unreadable, gone); {} where there is none.
    """

    schema: str = PROGRESS_SCHEMA
    life: str
    seconds: float
    inputs: int
    batches: int
    inputs_per_s: float
    entries: int
    seeds: int
    candidates: int
    failing: int
    p_new: float
    since_new_s: float
    new_faults: NewFaults | None = None
    coverage: dict[str, float] = {}
    best: list[str] = []
    damage: dict[str, int] = {}


class OperatorStats(msgspec.Struct, kw_only=True):
    """Of one mutator: rows it was applied to, how many gained, failed, were unjudged; rows and failures by severity.

    firsts: rows that failed in a way that was not known of their seed, of this mutator, or in that place.
    """

    rows: int = 0
    gains: int = 0
    failures: int = 0
    firsts: int = 0
    unjudged: int = 0
    rows_by_severity: Bins = msgspec.field(default_factory=lambda: [0] * SEVERITY_BINS)
    failures_by_severity: Bins = msgspec.field(default_factory=lambda: [0] * SEVERITY_BINS)


def best_operators(operators: Mapping[str, OperatorStats], count: int = 4) -> list[str]:
    """Operators by failures, then gains, of how many rows: "rotate 14/9.1k"."""
    ranked = sorted(operators.items(), key=lambda item: (-item[1].failures, -item[1].gains, item[0]))
    return [
        f"{name.partition('.')[2]} {stats.failures or stats.gains}/{_short(stats.rows)}"
        for name, stats in ranked[:count]
    ]


def _short(number: int) -> str:
    if number < 1000:
        return str(number)
    return f"{number / 1000:.1f}k" if number < 1_000_000 else f"{number / 1e6:.1f}M"


class SeedStats(msgspec.Struct, kw_only=True):
    """usable of the seeds that were seen; skipped ones by reason, and a few names of each; seeds that the target gets
    wrong by itself (file, expected, got)."""

    usable: int = 0
    seen: int = 0
    named: dict[str, list[str]] = {}
    labelled: int = 0
    skipped: dict[str, int] = {}
    failing: list[Annotated[list[str], Meta(min_length=3, max_length=3)]] = []
    broken: int = 0


class SearchStats(msgspec.Struct, kw_only=True):
    """Of all searches: evaluations of the target, seconds, seeds that an oracle failed on for the first time, gains."""

    evaluations: int = 0
    seconds: float = 0.0
    firsts: int = 0
    gains: int = 0


def stats_record(stats: Stats) -> dict[str, Any]:
    """Of `Stats` what is told to others: every kind of failure and every seed is not, what follows from them is."""
    table: dict[str, Any] = msgspec.to_builtins(stats)
    del table["discoveries"], table["by_seed"]
    found = new_faults(stats.discoveries) if stats.discoveries.batches else None
    return {**table, "new_faults": msgspec.to_builtins(found)}


class Miss(msgspec.Struct, kw_only=True, frozen=True):
    """The nearest a campaign came to a failure: for reports of campaigns that found nothing."""

    oracle: str
    margin: float
    unit: str
    seed: str
    sentence: str


class Stats(msgspec.Struct, kw_only=True):
    """`stats.json`: what the report is made of, beside the findings and progress.jsonl; rewritten with each checkpoint.

    target: {"name", "load", "digest", "device", "layers", "units", "parameters", ...}.
    setup: {"batch", "scheduler", "coverage", "oracles", "mutators", "seed", "budget", "mlfuzz", "torch", ...}.
    discoveries: which kinds of failures were met, when and how often.
    by_seed: name of a seed -> [judged, failed] rows made of it by mutators, without those of searches.
    ranges: of each mutator, parameter -> [low, high] or the words that it was drawn from.
    spent: seconds of each mutator's own work; wall time, as `timing` is. searches: what searches took and found.
    confusion: [expected, got, rows]. timing: seconds by phase (mutate, execute, judge, novelty, store, search).
    shares: seconds of the last run, by what they went into (start, fuzzing, deaths, wrap_up), and those asked for.
    unstable: why nothing that was found, or not, says anything of this target; "" where it answers alike each time.
    layers: {"name", "units", "covered"} each. ended: why the campaign ended, "" while it runs.
    harnesses: of the code side, {"name", "executions", "seconds", "edges", "features", "corpus", "buckets", ...} each.
    """

    schema: str = STATS_SCHEMA
    campaign: str
    started: str
    seconds: float = 0.0
    inputs: int = 0
    batches: int = 0
    entries: int = 0
    lives: int = 1
    ended: str = ""
    target: dict[str, Any] = {}
    setup: dict[str, Any] = {}
    seeds: SeedStats = msgspec.field(default_factory=SeedStats)
    failing: int = 0
    crashes: int = 0
    unjudged: int = 0
    dropped: int = 0
    operators: dict[str, OperatorStats] = {}
    ranges: dict[str, dict[str, list[Any]]] = {}
    spent: dict[str, float] = {}
    searches: SearchStats = msgspec.field(default_factory=SearchStats)
    confusion: list[list[Any]] = []
    coverage: dict[str, float] = {}
    layers: list[dict[str, Any]] = []
    harnesses: list[dict[str, Any]] = []
    timing: dict[str, float] = {}
    shares: dict[str, float] = {}
    unstable: str = ""
    nearest: Miss | None = None
    discoveries: Discoveries = msgspec.field(default_factory=Discoveries)
    by_seed: dict[str, list[int]] = {}
    warnings: list[str] = []

    def __post_init__(self) -> None:
        for row in self.confusion:  # no type says this of a list
            if len(row) < 3 or type(row[2]) is not int or not all(isinstance(name, str | None) for name in row[:2]):
                raise ValueError(f"confusion is rows of [expected, got, count, ...], not {row!r:.80}")


def read_progress(
    data: bytes, origin: str = "progress.jsonl", tell: Callable[[str], object] = lambda _: None
) -> list[Progress]:
    """All complete lines; a torn last line is left out. Of damaged lines before it `tell` gets a line: they cost a few
    points of a curve."""
    records, damaged = [], []
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        try:
            records.append(json_as(line, Progress))
        except msgspec.DecodeError as error:
            damaged.append(f"{number}: {error}")
    if damaged:
        rest = f" (and {len(damaged) - 1} more)" if len(damaged) > 1 else ""
        tell(f"{origin}, line {damaged[0]}{rest}; left out")
    return records


class ProgressTail:
    """The lines that are added to a progress.jsonl from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = path.stat().st_size if path.is_file() else 0

    def fresh(self) -> list[Progress]:
        """Complete lines since the last time, those that can be read."""
        if not self._path.is_file():
            return []
        with open(self._path, "rb") as file:
            file.seek(self._read_bytes)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        return read_progress(whole, str(self._path))


def read_stats(data: bytes, origin: str = "stats.json") -> Stats:
    """Raises SchemaError where it does not fit."""
    try:
        return json_as(data, Stats)
    except msgspec.DecodeError as error:
        raise SchemaError(f"{origin}: {error}") from error
