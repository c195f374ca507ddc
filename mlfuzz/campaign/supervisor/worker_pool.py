"""The workers of one campaign: the first founds it, the others join once it runs."""

from __future__ import annotations

import time
from collections.abc import Iterator

from mlfuzz.campaign.supervisor.child import Children
from mlfuzz.campaign.supervisor.processes import WorkerProcess
from mlfuzz.campaign.worker.combined_stats import (
    Part,
    combined_progress,
    combined_stats,
    forget_parts,
    of_all,
    read_part,
)
from mlfuzz.discoveries import NewFaults
from mlfuzz.progress import Stats
from mlfuzz.stats_writer import StatsWriter
from mlfuzz.stop_reason import Stop
from mlfuzz.storage.derived import earlier_stats
from mlfuzz.storage.durable import remove
from mlfuzz.storage.workdir import Workdir

COMBINE_SECONDS = 2.0


class WorkerPool:
    """So many worker processes, and their figures as one.

    new_faults: of several.
    base: the campaign's figures before this run. ended: number of a worker -> why it ended of its own accord.
    A single worker writes the campaign's figures itself; those of several are added up here.
    """

    def __init__(self, workdir: Workdir, size: int, children: Children | None = None) -> None:
        self._workdir, self._writer = workdir, StatsWriter(workdir)
        self.workers = tuple(WorkerProcess(workdir, number, size, children=children) for number in range(size))
        self.base = earlier_stats(workdir)
        self.ended: dict[int, Stop] = {}
        self._combined = 0.0
        self.new_faults: NewFaults | None = None
        forget_parts(workdir)
        for worker in self.workers:
            remove(workdir.ready(worker.number))

    @property
    def first(self) -> WorkerProcess:
        """The one that founds the campaign."""
        return self.workers[0]

    def running(self) -> Iterator[WorkerProcess]:
        """Those that have been started and have not ended of their own accord; the dead among them too."""
        return (worker for worker in self.workers if worker.started and worker.number not in self.ended)

    def waiting(self) -> list[WorkerProcess]:
        """Those to be started now: none until the first has come to its first batch, or once it has ended."""
        if self.ended or not self.first.began():
            return []
        return [worker for worker in self.workers if not worker.started]

    def inputs(self, worker: WorkerProcess) -> int:
        """That a worker has run since the campaign was taken up, as far as it has told."""
        if len(self.workers) == 1:
            return earlier_stats(self._workdir).inputs - self.base.inputs
        part = read_part(self._workdir, worker.number)
        return part.progress.inputs if part and part.progress else 0

    def combine(self, *, now: bool = False) -> None:
        """Add up what the workers have told, every two seconds; nothing to do for a single one."""
        if len(self.workers) == 1 or not (now or time.monotonic() - self._combined >= COMBINE_SECONDS):
            return
        self._combined = time.monotonic()
        parts = [part for worker in self.workers if (part := read_part(self._workdir, worker.number)) is not None]
        running: list[Part] = [part for part in parts if part.progress is not None]
        if not running:
            return
        operators = of_all([part.stats for part in running])
        stats = combined_stats(self.base, [part.stats for part in running], lives=len(self._workdir.lives()))
        progress = combined_progress(
            self.base, [part.progress for part in running if part.progress], operators, met=stats.discoveries
        )
        self.new_faults = progress.new_faults
        self._writer.append(progress)
        self._writer.save(stats)

    def keep(self, stats: Stats) -> None:
        """Save the campaign's figures; no worker may be running."""
        self._writer.save(stats)

    def ask_to_stop(self, number: int) -> None:
        """Send a signal to all that run; each finishes its batch, and saves."""
        for worker in self.running():
            worker.ask_to_stop(number)

    def trim_logs(self) -> None:
        """Begin anew what has grown too large."""
        for worker in self.running():
            worker.trim_log()

    def kill(self) -> None:
        """End all of them now."""
        for worker in self.workers:
            worker.kill()
