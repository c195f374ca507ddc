"""What a code-side campaign says of itself: progress.jsonl while it runs, stats.json with every turn."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mlfuzz import __version__
from mlfuzz.codefuzz.campaign.harness_state import HarnessState
from mlfuzz.codefuzz.campaign.scheduler import HarnessScheduler
from mlfuzz.codefuzz.failure.sandbox_refusal import sentence
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.progress import Progress, SeedStats, Stats
from mlfuzz.stats_writer import Rates, StatsWriter
from mlfuzz.storage.derived import earlier_stats
from mlfuzz.storage.workdir import Workdir


class HarnessStats:
    """Counters of this life on top of what earlier ones left."""

    def __init__(
        self, workdir: Workdir, life: str, harnesses: Sequence[Harness], engine: str, options: Options
    ) -> None:
        self._writer, self._life = StatsWriter(workdir), life
        before = earlier_stats(workdir)
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
        self._rates: Rates | None = None
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
        self, states: Mapping[str, HarnessState], share: HarnessScheduler, saved: int, *, force: bool, every: float
    ) -> Progress | None:
        """Write a record of now, unless one was written less than `every` seconds ago."""
        now = time.monotonic()
        if not force and now - self._ticked < every:
            return None
        self._ticked = now
        self._turns += force
        self._count(states)
        record = self._progress(states, share, saved, now)
        self._writer.append(record)
        self._writer.save(self.stats)
        return record

    def close(self, states: Mapping[str, HarnessState], reason: str) -> Stats:
        """The last figures; also where no turn has ended."""
        self._count(states)
        self.stats.ended = reason
        self._writer.save(self.stats)
        return self.stats

    def _count(self, states: Mapping[str, HarnessState]) -> None:
        stats, before = self.stats, self._before
        entries = {name: len(state.corpus) for name, state in states.items()}
        stats.seconds = before.seconds + time.monotonic() - self._began
        rows = {**self._rows, **{name: one.facts(entries[name]) for name, one in states.items()}}
        stats.harnesses = list(rows.values())
        stats.inputs = sum(int(row.get("executions", 0)) for row in stats.harnesses)
        stats.failing = sum(int(row.get("failures", 0)) for row in stats.harnesses)
        stats.crashes = sum(int(row.get("restarts", 0)) for row in stats.harnesses)
        stats.batches = before.batches + self._turns
        stats.entries = sum(entries.values())
        stats.seeds.usable = sum(state.seeds for state in states.values())
        stats.coverage = {
            "edges": float(sum(one.edges for one in states.values())),
            "features": float(sum(one.features for one in states.values())),
        }
        stats.timing["fuzz"] = sum(float(row.get("seconds", 0.0)) for row in stats.harnesses)
        stats.warnings = [f"harness {name}: {one.broken}" for name, one in states.items() if one.broken]
        stats.warnings += [
            f"{name}: {sentence(one.refused, name, one.project)}" for name, one in states.items() if one.refused
        ]

    def _progress(
        self, states: Mapping[str, HarnessState], share: HarnessScheduler, saved: int, now: float
    ) -> Progress:
        stats = self.stats
        # From the first record on: what ran before it was not fuzzed in this life.
        rates = self._rates = self._rates or Rates(now, stats.inputs, stats.entries)
        rates.add(now, stats.inputs, stats.entries)
        due = share.due()
        return Progress(
            life=self._life, seconds=stats.seconds, inputs=stats.inputs, batches=stats.batches,
            inputs_per_s=rates.inputs_per_s, entries=stats.entries,
            seeds=stats.seeds.usable, candidates=saved, failing=stats.failing,
            p_new=rates.p_new,
            since_new_s=now - max(one.last_new for one in states.values()), coverage=dict(stats.coverage),
            best=[f"{name} {due[name]:.0%}" for name in sorted(due, key=lambda one: -due[one])[:4]],
        )  # fmt: skip


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
