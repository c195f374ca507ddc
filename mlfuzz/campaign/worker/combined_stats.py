"""Figures of several workers as one: what each has counted since the run began, on top of what was there before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from mlfuzz.decoding import json_as
from mlfuzz.discoveries import Discoveries, beside, following, new_faults
from mlfuzz.errors import StorageError
from mlfuzz.progress import OperatorStats, Progress, SearchStats, Stats, best_operators
from mlfuzz.storage.durable import read_regular, remove, write_atomic
from mlfuzz.storage.workdir import Workdir


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one of several workers has counted in this run of the campaign, over all its lives."""

    stats: Stats
    progress: Progress | None = None


def read_part(workdir: Workdir, worker: int) -> Part | None:
    """None where the worker has not counted yet."""
    try:
        return json_as(read_regular(workdir.part(worker)), Part)
    except (StorageError, msgspec.DecodeError):
        return None


def write_part(workdir: Workdir, worker: int, part: Part) -> None:
    """For the supervisor, which adds the parts up."""
    write_atomic(workdir.part(worker), msgspec.json.encode(part), sync=False)


def forget_parts(workdir: Workdir) -> None:
    """Before a run: what is in them has been added to the campaign's figures already."""
    for path in workdir.parts():
        remove(path)


def combined_stats(base: Stats, parts: Sequence[Stats], *, lives: int) -> Stats:
    """base: of before this run. parts: one a worker, the first worker's first; at least one. lives: there are now.

    Counters are added; seconds are of the longest, as they ran at the same time; what describes the target and the
    set-up is the first worker's; coverage is the furthest that one of them got.
    """
    first = parts[0]
    misses = [part.nearest for part in parts if part.nearest is not None]
    return msgspec.structs.replace(
        first, campaign=base.campaign, started=base.started, lives=lives,
        seconds=base.seconds + max(part.seconds for part in parts),
        entries=max(part.entries for part in parts),
        **{name: getattr(base, name) + sum(getattr(part, name) for part in parts) for name in _ADDED},
        operators=of_all([base, *parts]), spent=sums_of([base.spent, *(part.spent for part in parts)]),
        searches=searches_of([base.searches, *(part.searches for part in parts)]), confusion=_confusion([base, *parts]),
        coverage=_furthest([part.coverage for part in parts]),
        timing=sums_of([base.timing, *(part.timing for part in parts)]),
        nearest=max(misses, key=lambda miss: miss.margin, default=None),
        warnings=list(dict.fromkeys(text for part in parts for text in part.warnings)),
        by_seed=rows_of([base.by_seed, *(part.by_seed for part in parts)]),
        discoveries=following(base.discoveries, beside([part.discoveries for part in parts])),
        ended=next((part.ended for part in parts if part.ended), ""),
    )  # fmt: skip


_ADDED = ("inputs", "batches", "failing", "crashes", "unjudged", "dropped")


def combined_progress(
    base: Stats, parts: Sequence[Progress], operators: dict[str, OperatorStats], *, met: Discoveries | None = None
) -> Progress:
    """The same for a record of now. p_new: of all inputs together. operators, met: of all workers."""
    first, speed = parts[0], sum(part.inputs_per_s for part in parts)
    return msgspec.structs.replace(
        first,
        seconds=base.seconds + max(part.seconds for part in parts),
        inputs=base.inputs + sum(part.inputs for part in parts),
        batches=base.batches + sum(part.batches for part in parts),
        failing=base.failing + sum(part.failing for part in parts),
        inputs_per_s=speed,
        entries=max(part.entries for part in parts),
        candidates=max(part.candidates for part in parts),
        p_new=sum(part.p_new * part.inputs_per_s for part in parts) / speed if speed else 0.0,
        since_new_s=min(part.since_new_s for part in parts),
        new_faults=new_faults(met) if met is not None else None,
        coverage=_furthest([part.coverage for part in parts]),
        best=best_operators(operators),
    )


def of_all(stats: Sequence[Stats]) -> dict[str, OperatorStats]:
    """Counters by operator of several figures, added up."""
    total: dict[str, OperatorStats] = {}
    for one in stats:
        total = added(total, one.operators)
    return total


def searches_of(parts: Sequence[SearchStats]) -> SearchStats:
    """What searches took and found, added up."""
    return SearchStats(**{name: sum(getattr(one, name) for one in parts) for name in SearchStats.__struct_fields__})


def added(base: dict[str, OperatorStats], now: dict[str, OperatorStats]) -> dict[str, OperatorStats]:
    """Counters by operator, one on top of the other."""
    total = {}
    for name in sorted({*base, *now}):
        one, other = base.get(name, OperatorStats()), now.get(name, OperatorStats())
        fields = {field: _sum(getattr(one, field), getattr(other, field)) for field in OperatorStats.__struct_fields__}
        total[name] = msgspec.convert(fields, OperatorStats)
    return total


def _sum(one: Any, other: Any) -> Any:
    return [a + b for a, b in zip(one, other, strict=True)] if isinstance(one, list) else one + other


def sums_of(tables: Sequence[dict[str, float]]) -> dict[str, float]:
    """Seconds by name, added up."""
    return {name: sum(table.get(name, 0.0) for table in tables) for name in {key: 0 for one in tables for key in one}}


def rows_of(tables: Sequence[dict[str, list[int]]]) -> dict[str, list[int]]:
    """[judged, failed] rows by seed, added up."""
    total: dict[str, list[int]] = {}
    for table in tables:
        for name, rows in table.items():
            known = total.setdefault(name, [0, 0])
            known[0], known[1] = known[0] + rows[0], known[1] + rows[1]
    return total


def _furthest(tables: Sequence[dict[str, float]]) -> dict[str, float]:
    names = {name: 0 for table in tables for name in table}
    return {name: max(table[name] for table in tables if name in table) for name in names}


def _confusion(stats: Sequence[Stats]) -> list[list[Any]]:
    """Rows of [expected, got, count, oracle], the most frequent first."""
    counts: dict[tuple[Any, ...], list[Any]] = {}
    for one in stats:
        for row in one.confusion:
            names = (*row[:2], *row[3:])
            known = counts.get(names)
            counts[names] = [*row[:2], row[2] + (known[2] if known else 0), *row[3:]]
    return sorted(counts.values(), key=lambda row: -int(row[2]))
