"""Time in forward passes: how long the bare target takes for one batch of a task."""

from __future__ import annotations

import fcntl
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from tasks.task import Setup, Task

from mlfuzz.batch import from_payloads
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.storage.durable import write_atomic

TURNS = 7
"""The least of so many is taken: what else runs on the machine only ever adds."""

DEFAULT_BATCH = 64
"""Rows, where a task says nothing."""


def pass_seconds(task: Task, setup: Setup, folder: Path, stamp: str) -> float:
    """Wall seconds of one forward pass of the bare target, over as many seeds as the task's batch has rows.

    Measured once a task and `stamp`, and kept in `folder`: all presets, repeats and later calls get the same seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"pass-{task.name.replace(' ', '_')}-{stamp}.pass"
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            kept = json.loads(path.read_bytes())["seconds"]
            if isinstance(kept, float) and kept > 0:
                return kept
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            pass  # not measured yet, or damaged: measured anew
        seconds = _measured(setup)
        write_atomic(path, json.dumps({"task": task.name, "seconds": seconds}).encode())
        return seconds


def _measured(setup: Setup) -> float:
    target: Any = setup.target()
    target.trace = None  # bare: no activations are taken
    found = load_seeds(setup.seeds, target.modality, labels=target.labels).seeds
    count = int(setup.options.get("batch", DEFAULT_BATCH))
    picked = np.resize(np.arange(len(found)), count)
    rows = from_payloads([found[row].payload for row in picked.tolist()], target.modality, target.device)
    target.run(rows)
    return min(_once(target, rows) for _ in range(TURNS))


def _once(target: Any, rows: Any) -> float:
    begun = time.perf_counter()
    target.run(rows)
    return time.perf_counter() - begun
