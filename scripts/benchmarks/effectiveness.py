"""What guidance buys: every preset on every task, beside independent random mutants, at equal evaluations and time.

Coverage is no measure of success. Counted are inputs to the first fault, seeds broken, failing inputs, the share of
them that keeps its label by the vote of models that were not fuzzed, and distinct faults by a clustering of such a
model's activations (effectiveness_parts/clusters.py). Each preset gets the same seeds, operators, limits and oracles.
A JSON line a run, then the Markdown table: median [quartiles],
Vargha-Delaney's A12 and Mann-Whitney's p against random.

    scripts/bench effectiveness [--short] [--tasks nan,loss] [--presets random,mixed] [--repeats 10] [--seconds 5]
                                [--jobs 2] [--markdown FILE] [--cache FOLDER]

--seconds: also compare at so much wall time; 0 leaves that out. --short: 3 repeats and smaller budgets.
docs/effectiveness.md says what each task is, and holds the last table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from effectiveness_parts.presets import COMPARED, SEARCHES, WHITE, applies, guidance_code
from effectiveness_parts.table import brief, table
from effectiveness_parts.trial import run
from tasks.catalogue import TASKS

from mlfuzz.campaign.isolation.process_setup import tune_malloc
from mlfuzz.errors import MlfuzzError

REPEATS, SHORT_REPEATS = 10, 3
SECONDS, SHORT_SECONDS = 5.0, 0.0


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="mlfuzz-effectiveness-") as fresh:
        cache = Path(options.cache or fresh)
        work = [
            (task, repeat, options.presets.split(","), str(cache), options.short, options.seconds)
            for repeat in range(options.repeats)
            for task in options.tasks.split(",")
        ]
        records: list[dict[str, Any]] = []
        for record in _done(work, options.jobs):
            print(json.dumps(record), flush=True)
            records.append(record)
    records.sort(key=lambda record: (record["repeat"], options.presets.split(",").index(record["preset"])))
    tasks = {name: TASKS[name] for name in options.tasks.split(",")}
    shown = f"{brief(records, tasks)}\n{table(records, tasks)}"
    command = " ".join(["scripts/bench effectiveness", *_decisive(sys.argv[1:])])
    shown = f"`{command}`; code of guidance {guidance_code()}.\n\n{shown}"
    print("\n" + shown)
    if options.markdown:
        Path(options.markdown).write_text(shown, encoding="utf-8")


def compare(
    name: str, repeat: int, presets: Sequence[str], cache: str, short: bool, seconds: float
) -> list[dict[str, Any]]:
    """All presets on one repeat of one task, begun by another preset each time; a line for those that cannot run."""
    torch.set_num_threads(1)
    tune_malloc()
    task = TASKS[name]
    setup = task.build(repeat, Path(cache))
    records = []
    for at in range(len(presets)):
        preset = presets[(at + repeat) % len(presets)]
        row = {"bench": "effectiveness", "task": name, "preset": preset, "repeat": repeat}
        evaluations = task.short if short else task.evaluations
        budgets: dict[str, float] = {"evaluations": evaluations} | ({"seconds": seconds} if seconds else {})
        for budget, allowed in budgets.items():
            if not applies(preset, task) or (preset in SEARCHES and budget == "seconds"):
                continue
            limit = seconds if budget == "seconds" else None
            try:
                record = run(task, setup, preset, repeat, evaluations=evaluations, seconds=limit)
            except MlfuzzError as error:
                record = {**row, "skipped": str(error)}
            records.append({**record, "budget": budget, "allowed": allowed})
    return records


def _done(work: Sequence[tuple[Any, ...]], jobs: int) -> Iterator[dict[str, Any]]:
    if jobs == 1:
        for item in work:
            yield from compare(*item)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(compare, *item) for item in work]):
            yield from future.result()


def _decisive(arguments: Sequence[str]) -> list[str]:
    """The arguments without those that change nothing in the table."""
    pairs = zip(["", *arguments], arguments, strict=False)
    idle = ("--cache", "--jobs", "--markdown")
    return [argument for before, argument in pairs if argument not in idle and before not in idle]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--presets", default=",".join((*COMPARED, *WHITE, *SEARCHES)))
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--markdown", help="a file to write the table to, with the command that made it")
    parser.add_argument("--cache", help="where trained models are kept between calls; else they are trained anew")
    options = parser.parse_args()
    if unknown := [name for name in options.tasks.split(",") if name not in TASKS]:
        parser.error(f"unknown task {unknown[0]!r}; known: {', '.join(TASKS)}")
    options.repeats = options.repeats or (SHORT_REPEATS if options.short else REPEATS)
    if options.seconds is None:
        options.seconds = SHORT_SECONDS if options.short else SECONDS
    return options


if __name__ == "__main__":
    main()
