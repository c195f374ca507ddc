"""Figures of the loop: what this life counts on top of what earlier lives left."""

from __future__ import annotations

import sys
import time
from typing import Any

import msgspec
import numpy as np
import torch

import mlfuzz
from mlfuzz.campaign.loop.loop import Loop
from mlfuzz.campaign.presets import guidance_hash
from mlfuzz.campaign.setup.calibration import Calibration
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.worker import diagnostics
from mlfuzz.campaign.worker.combined_stats import Part, added, read_part, rows_of, searches_of, sums_of, write_part
from mlfuzz.discoveries import NewFaults, following, new_faults
from mlfuzz.findings.finding import printable
from mlfuzz.mutation import sentence
from mlfuzz.mutators.ranges import declared
from mlfuzz.progress import Miss, OperatorStats, Progress, SearchStats, SeedStats, Stats
from mlfuzz.stats_writer import Rates, StatsWriter
from mlfuzz.storage.derived import earlier_stats, fresh_stats
from mlfuzz.storage.workdir import Workdir


class LoopStats:
    """Figures of a campaign. `stats` is what the report is made of; rewritten by `count`.

    part: the number of this worker where there are several: it then counts for itself, and whoever watches them adds
    up. None: it is the only one, and writes the campaign's figures. gone: entries that earlier lives had.
    """

    def __init__(
        self, workdir: Workdir, spec: WorkerSpec, loop: Loop, calibration: Calibration, *, life: str, seeds: SeedStats,
        warnings: list[str], gone: int = 0, part: int | None = None,
    ) -> None:  # fmt: skip
        self._workdir, self._loop, self._life, self._warnings, self._part = workdir, loop, life, warnings, part
        self._latest: Progress | None = None
        self._gone = gone
        self._earlier = self._before()
        self.stats = msgspec.structs.replace(
            self._earlier, lives=len(workdir.lives()), ended="", seeds=seeds, target=target_facts(loop, spec),
            layers=layer_facts(loop), setup=setup_facts(loop, spec, calibration), unstable=calibration.unstable,
            ranges={part.name: declared(part) for part in loop.parts.plan.mutators},
        )  # fmt: skip
        self._writer, self._rates = StatsWriter(workdir), Rates(time.monotonic())

    def tell(self, progress: Progress) -> None:
        """Let those who watch see a record of now."""
        self._latest = progress
        if self._part is None:
            self._writer.append(progress)
        else:
            self.save()

    def save(self) -> None:
        """Write the figures, for reports and for the next life."""
        if self._part is None:
            self._writer.save(self.stats)
        else:
            write_part(self._workdir, self._part, Part(stats=self.stats, progress=self._latest))

    def _before(self) -> Stats:
        if self._part is None:
            return earlier_stats(self._workdir)
        part = read_part(self._workdir, self._part)
        return fresh_stats(self._workdir) if part is None else part.stats

    @property
    def inputs_before(self) -> int:
        """Run by earlier lives."""
        return self._earlier.inputs

    def count(self, seconds: float, inputs: int) -> None:
        """Bring `stats` up to date. seconds, inputs: of this life."""
        stats, before, loop = self.stats, self._earlier, self._loop
        tally, candidates = loop.tally, loop.candidates
        stats.seconds, stats.inputs = before.seconds + seconds, before.inputs + inputs
        stats.batches, stats.entries = before.batches + loop.batches, len(loop.corpus)
        stats.failing, stats.unjudged = before.failing + tally.failing, before.unjudged + tally.unjudged
        stats.dropped = before.dropped + tally.dropped
        stats.crashes = before.crashes + sum(candidates.crash_rows.values())
        stats.operators = added(before.operators, tally.operators)
        stats.spent = sums_of([before.spent, tally.spent])
        stats.searches = searches_of([before.searches, self._searches()])
        stats.confusion = [
            [*map(printable, candidates.names[name]), count, loop.parts.oracles[name[0]].name]
            for name, count in sorted(candidates.rows.items(), key=lambda item: -item[1])
            if name in candidates.names
        ]
        stats.coverage = {name: float(value) for name, value in loop.parts.criterion.covered().items()}
        stats.timing = sums_of([before.timing, tally.clock.seconds])
        stats.nearest = self._nearest()
        stats.by_seed = rows_of([before.by_seed, self._by_seed()])
        stats.discoveries = following(before.discoveries, tally.discoveries)
        stats.warnings = list(dict.fromkeys(self._warnings + self._lost() + self._mistuned()))

    def _by_seed(self) -> dict[str, list[int]]:
        counts = self._loop.tally.by_seed.T.tolist()
        return {name: rows for name, rows in zip(self._loop.seeds.names, counts, strict=False) if rows[0]}

    def new_faults(self) -> NewFaults:
        """That are still to be expected, as of now."""
        return new_faults(following(self._earlier.discoveries, self._loop.tally.discoveries))

    def _searches(self) -> SearchStats:
        """Of this life. What they find is recorded as one `replace`, whose gains are theirs."""
        loop, tally = self._loop, self._loop.tally
        if (searcher := loop.searcher) is None:
            return SearchStats()
        found = tally.operators.get(f"{loop.parts.target.modality.name}.replace", OperatorStats())
        return SearchStats(
            evaluations=searcher.evaluated, seconds=tally.clock.seconds.get("search", 0.0), firsts=searcher.firsts,
            gains=found.gains,
        )  # fmt: skip

    def progress(self, inputs: int, saved: int) -> Progress:
        """A record of now, after `count`. inputs: of this life. saved: findings in the campaign."""
        now, stats, loop = time.monotonic(), self.stats, self._loop
        self._rates.add(now, inputs, stats.entries)
        return Progress(
            life=self._life, seconds=stats.seconds, inputs=stats.inputs, batches=stats.batches,
            inputs_per_s=self._rates.inputs_per_s, entries=stats.entries, seeds=len(loop.seeds),
            candidates=saved, failing=stats.failing, p_new=loop.tally.p_new, since_new_s=now - loop.tally.last_new,
            new_faults=new_faults(stats.discoveries),
            coverage=stats.coverage, best=loop.tally.best(), damage=self._damage(),
        )  # fmt: skip

    def _damage(self) -> dict[str, int]:
        """By kind, what of the journal this process has met; {} where there is none."""
        corpus, lost = self._loop.corpus, len(self._loop.lost)
        counts = {
            "damaged": len(corpus.damaged) + len(corpus.lost) + lost, "unreadable": corpus.unreadable,
            "gone": self._gone,
        }  # fmt: skip
        return counts if any(counts.values()) else {}

    def _lost(self) -> list[str]:
        lost = self._loop.lost
        if not lost:
            return []
        entries = "1 entry" if len(lost) == 1 else f"{len(lost):,} entries"
        return [f"the input of {entries} cannot be read, and is mutated no more: {next(iter(lost.values()))}"]

    def _nearest(self) -> Miss | None:
        parts, corpus = self._loop.parts, self._loop.corpus
        if not len(corpus):
            return None
        for number, oracle in reversed(list(enumerate(parts.oracles))):
            margins = corpus.margins[:, number]
            if np.isfinite(margins).any():
                row = int(np.nanargmax(margins))
                seed = self._loop.seeds.names[int(corpus.seeds[row])]
                chain = sentence(corpus.chain(row), self._loop.candidates.origin.units)
                return Miss(oracle=oracle.name, margin=float(margins[row]), unit=oracle.unit, seed=seed, sentence=chain)
        return None

    def _mistuned(self) -> list[str]:
        loop, tally = self._loop, self._loop.tally
        covered, rows = loop.parts.criterion.covered(), tally.inputs
        failed, judged = tally.by_oracle.tolist()
        names = [oracle.name for oracle in loop.parts.oracles][: len(judged)]
        return [
            *diagnostics.radius(covered, rows=rows, entries=len(loop.corpus), seeds=len(loop.seeds)),
            *diagnostics.oracles(names, failed, judged),
            *diagnostics.filters(rows=rows, unjudged=tally.unjudged, dropped=tally.dropped),
        ]


def target_facts(loop: Loop, spec: WorkerSpec) -> dict[str, Any]:
    """`Stats.target`."""
    target: Any = loop.parts.target
    return {
        "name": target.name, "load": spec.target, "digest": target.digest, "device": str(target.device),
        "modality": {"name": target.modality.name, **target.modality.describe()}, "parameters": target.parameters,
        "units": sum(layer.units for layer in target.layers), "labels": len(target.labels),
    }  # fmt: skip


def layer_facts(loop: Loop) -> list[dict[str, Any]]:
    """`Stats.layers`: name and units of each that is watched."""
    target: Any = loop.parts.target
    return [
        {"name": layer.name + (f" ({layer.call + 1})" if layer.call else ""), "units": layer.units}
        for layer in target.layers
    ]


def setup_facts(loop: Loop, spec: WorkerSpec, calibration: Calibration) -> dict[str, Any]:
    """`Stats.setup`: everything that decided what this campaign did."""
    parts = loop.parts
    oracles = [
        {"name": oracle.name, "unit": oracle.unit, "floor": floor, **oracle.describe()}
        for oracle, floor in zip(parts.oracles, parts.floors, strict=True)
    ]
    return {
        "batch": parts.batch, "preset": spec.preset, "guidance": guidance_hash(spec), "scheduler": spec.scheduler,
        "coverage": spec.coverage, "oracles": oracles,
        "mutators": [part.name for part in parts.plan.mutators], "target": spec.name, "exclude": spec.exclude,
        "focus": loop.focus.sentence() if loop.focus else "", "ranges": spec.ranges, "limits": spec.limits,
        "seed": spec.seed, "seeds": spec.seeds,
        "inputs_per_s_bare": round(1 / max(calibration.seconds, 1e-9), 1),
        "noise": calibration.single, "spread": calibration.spread, "mlfuzz": mlfuzz.__version__,
        "torch": str(torch.__version__), "python": sys.version.split()[0], "threads": torch.get_num_threads(),
    }  # fmt: skip
