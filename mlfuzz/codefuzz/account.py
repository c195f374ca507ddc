"""What a code-side campaign says of itself: progress.jsonl while it runs, stats.json with every turn. No torch."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from mlfuzz import __version__
from mlfuzz.codefuzz.campaign.harness_state import Standing
from mlfuzz.codefuzz.campaign.scheduler import Share
from mlfuzz.codefuzz.failure.sandbox_refusal import sentence
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.progress import Progress, SeedStats, Stats, read_stats
from mlfuzz.storage.derived import read_derived, stored_progress
from mlfuzz.storage.durable import append_line, write_atomic
from mlfuzz.storage.workdir import Workdir

RECENT_RECORDS = 16


class Account:
    """Counters of this life on top of what earlier ones left."""

    def __init__(
        self, workdir: Workdir, life: str, harnesses: Sequence[Harness], engine: str, options: Options
    ) -> None:
        self._workdir, self._life = workdir, life
        before = _earlier(workdir)
        self._before = before
        self._rows = {str(row.get("name")): row for row in before.harnesses}
        self.stats = msgspec.structs.replace(
            before, lives=len(workdir.lives()), ended="", target=_target(harnesses, engine, options),
            setup=_setup(harnesses, engine, options), seeds=SeedStats(skipped=dict(before.seeds.skipped)),
            timing=dict(before.timing),
        )  # fmt: skip
        self._began = time.monotonic()
        self._ticked = self._began
        self._turns = 0
        self._recent: list[tuple[float, int, int]] = []
        self.executions_before = sum(int(self.earlier(harness.name).get("executions", 0)) for harness in harnesses)

    def earlier(self, name: str) -> dict[str, Any]:
        """The row of a harness as earlier lives left it."""
        return self._rows.get(name, {})

    def refuse(self, reason: str) -> None:
        """A seed that is left out."""
        self.stats.seeds.skipped[reason] = self.stats.seeds.skipped.get(reason, 0) + 1

    def spend(self, phase: str, seconds: float) -> None:
        self.stats.timing[phase] = self.stats.timing.get(phase, 0.0) + seconds

    def tick(
        self, standings: Mapping[str, Standing], share: Share, saved: int, *, force: bool, every: float
    ) -> Progress | None:
        """Write a record of now, unless one was written less than `every` seconds ago."""
        now = time.monotonic()
        if not force and now - self._ticked < every:
            return None
        self._ticked = now
        self._turns += force
        self._count(standings)
        record = self._progress(standings, share, saved, now)
        append_line(self._workdir.progress, msgspec.json.encode(record))
        self._write()
        return record

    def close(self, standings: Mapping[str, Standing], reason: str) -> Stats:
        """The last figures; also where no turn has ended."""
        self._count(standings)
        self.stats.ended = reason
        self._write()
        return self.stats

    def _count(self, standings: Mapping[str, Standing]) -> None:
        stats, before = self.stats, self._before
        entries = {name: len(standing.corpus) for name, standing in standings.items()}
        stats.seconds = before.seconds + time.monotonic() - self._began
        rows = {**self._rows, **{name: one.facts(entries[name]) for name, one in standings.items()}}
        stats.harnesses = list(rows.values())
        stats.inputs = sum(int(row.get("executions", 0)) for row in stats.harnesses)
        stats.failing = sum(int(row.get("failures", 0)) for row in stats.harnesses)
        stats.crashes = sum(int(row.get("restarts", 0)) for row in stats.harnesses)
        stats.batches = before.batches + self._turns
        stats.entries = sum(entries.values())
        stats.seeds.usable = sum(standing.seeds for standing in standings.values())
        stats.coverage = {
            "edges": float(sum(one.edges for one in standings.values())),
            "features": float(sum(one.features for one in standings.values())),
        }
        stats.timing["fuzz"] = sum(float(row.get("seconds", 0.0)) for row in stats.harnesses)
        stats.warnings = [f"harness {name}: {one.broken}" for name, one in standings.items() if one.broken]
        stats.warnings += [f"{name}: {sentence(one.refused, name)}" for name, one in standings.items() if one.refused]

    def _progress(self, standings: Mapping[str, Standing], share: Share, saved: int, now: float) -> Progress:
        stats = self.stats
        self._recent = [*self._recent[1 - RECENT_RECORDS :], (now, stats.inputs, stats.entries)]
        first, inputs, entries = self._recent[0]
        ran = stats.inputs - inputs
        due = share.due()
        return Progress(
            life=self._life, seconds=stats.seconds, inputs=stats.inputs, batches=stats.batches,
            inputs_per_s=ran / max(now - first, 1e-9) if ran else 0.0, entries=stats.entries,
            seeds=stats.seeds.usable, candidates=saved, failing=stats.failing,
            p_new=max(0, stats.entries - entries) / ran if ran > 0 else 0.0,
            since_new_s=now - max(one.last_new for one in standings.values()), coverage=dict(stats.coverage),
            best=[f"{name} {due[name]:.0%}" for name in sorted(due, key=lambda one: -due[one])[:4]],
        )  # fmt: skip

    def _write(self) -> None:
        write_atomic(self._workdir.stats, msgspec.json.format(msgspec.json.encode(self.stats), indent=1), sync=False)


def _earlier(workdir: Workdir) -> Stats:
    """What earlier lives left; a killed one got further than its last stats: its last progress record counts."""
    fresh = Stats(campaign=workdir.name, started=datetime.now(UTC).isoformat(timespec="seconds"))
    stats = read_derived(workdir.stats, read_stats) or fresh
    records = stored_progress(workdir)
    if records and records[-1].seconds > stats.seconds:
        stats.seconds, stats.batches = records[-1].seconds, records[-1].batches
    return stats


def _target(harnesses: Sequence[Harness], engine: str, options: Options) -> dict[str, Any]:
    names = [harness.name for harness in harnesses]
    return {
        "name": names[0] if len(names) == 1 else ", ".join(names), "side": "code",
        "load": harnesses[0].load if len(harnesses) == 1 else "", "engine": engine, "lane": options.lane.name,
    }  # fmt: skip


def _setup(harnesses: Sequence[Harness], engine: str, options: Options) -> dict[str, Any]:
    return {
        "harnesses": [harness.name for harness in harnesses], "engine": engine, "lane": options.lane.name,
        "sandbox": options.sandbox, "seed": options.seed, "mlfuzz": __version__, "python": platform.python_version(),
    }  # fmt: skip
