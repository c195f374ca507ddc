"""What guidance buys: every preset on every task, beside independent random mutants, at equal evaluations and time.

Coverage is no measure of success. Counted are inputs to the first fault, seeds broken, failing inputs, the share of
them that keeps its label by the vote of models that were not fuzzed, and distinct faults by a clustering of such a
model's activations (effectiveness_parts/clusters.py). Each preset gets the same seeds, operators, limits and oracles.
A JSON line a run, then the Markdown table: median [quartiles],
Vargha-Delaney's A12 and Mann-Whitney's p against random.

    scripts/bench effectiveness [--short] [--tasks nan,loss] [--presets random,mixed] [--repeats 10] [--seconds 5]
                                [--passes 40] [--jobs 2] [--markdown FILE] [--cache FOLDER] [--rows FOLDER]

--seconds: also compare at so much wall time; 0 leaves that out. --passes: at the time of so many forward passes of the
bare target, a batch each. --short: 3 repeats and smaller budgets. --rows: where each finished run is kept, a file a
run (else in rows/ of --cache); the same call again, after Ctrl-C say, takes up what is there and runs the rest.
Ends with 3 where a run failed; the others stand.
docs/effectiveness.md says what each task is, and holds the last table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from effectiveness_parts.passes import pass_seconds
from effectiveness_parts.presets import COMPARED, SEARCHES, WHITE, applies, guidance_code
from effectiveness_parts.rows import Key, Rows, bench_code
from effectiveness_parts.table import brief, table
from effectiveness_parts.trial import run
from effectiveness_parts.work import Stopped, each_alone, stoppable
from tasks.catalogue import TASKS
from tasks.task import Setup, Task

from mlfuzz.campaign.isolation.process_setup import tune_malloc
from mlfuzz.errors import MlfuzzError

REPEATS, SHORT_REPEATS = 10, 3
SECONDS, SHORT_SECONDS = 5.0, 0.0

EXIT_FAILED = 3
"""A run failed for another reason than that its preset does not go with its task."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Runs of one repeat of one task, which share what is built for it. keys: what is to run, in this order."""

    task: str
    repeat: int
    keys: tuple[Key, ...]
    cache: Path
    rows: Path


def main() -> int:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="mlfuzz-effectiveness-") as fresh:
        cache = Path(options.cache or fresh)
        rows = Rows(Path(options.rows or cache / "rows"))
        wanted = _keys(options)
        found = rows.find(wanted)
        for line in found.damaged:
            _say(line)
        missing = [key for key in wanted if key not in found.taken]
        if options.rows or options.cache:
            other = f"; {found.other} of other code, budgets, tasks or presets left alone" if found.other else ""
            _say(f"{rows.folder}: {len(found.taken)} runs taken over, {len(missing)} to do{other}")
        for record in found.taken.values():
            print(json.dumps(record), flush=True)
        ended, failed = 0, []
        try:
            with stoppable():
                failed = _work(_pieces(missing, cache, rows.folder), options.jobs)
        except Stopped as stopped:
            ended = stopped.exit_code
            _say(f"stopped by {stopped}")
        records = list(rows.find(wanted).taken.values())
        if ended:
            again = "the same call goes on from here" if options.rows or options.cache else "nothing is kept: --rows"
            _say(f"{len(records)} of {len(wanted)} runs are finished; {again}")
    _show(records, options)
    for line in failed:
        _say(line)
    return ended or (EXIT_FAILED if failed else 0)


def _work(pieces: Sequence[Piece], jobs: int) -> list[str]:
    """Print each record as it comes; -> a line for each run that failed."""
    failed = []
    for piece, answer in each_alone(compare, pieces, jobs):
        if isinstance(answer, BaseException):
            what = f"{type(answer).__name__}: {answer}"
            answer = [{**_named(key), "failed": what} for key in piece.keys]
        for record in answer:
            print(json.dumps(record), flush=True)
            if "failed" in record:
                run_of = f"{record['task']}, {record['preset']}, repeat {record['repeat']}, {record['budget']}"
                failed.append(f"failed: {run_of}: {record['failed']}")
    return failed


def compare(piece: Piece) -> list[dict[str, Any]]:
    """What is to do of one repeat of one task; each finished run is kept at once.

    A line for those that cannot run ("skipped") or fail ("failed"): neither is kept.
    """
    torch.set_num_threads(1)
    tune_malloc()
    task, rows = TASKS[piece.task], Rows(piece.rows)
    setup = task.build(piece.repeat, piece.cache)
    records = []
    for key in piece.keys:
        try:
            record = _run(key, task, setup, piece)
        except MlfuzzError as error:
            records.append({**_named(key), "skipped": str(error)})
        except Exception as error:  # noqa: BLE001 - whatever one run meets, the others still run
            records.append({**_named(key), "failed": f"{type(error).__name__}: {error}"})
        else:
            record = {**record, "budget": key.budget, "allowed": key.allowed}
            rows.add(key, record)
            records.append(record)
    return records


def _run(key: Key, task: Task, setup: Setup, piece: Piece) -> dict[str, Any]:
    if key.budget == "evaluations":
        return run(task, setup, key.preset, key.repeat, evaluations=int(key.allowed))
    if key.budget == "seconds":
        return run(task, setup, key.preset, key.repeat, evaluations=task.evaluations, seconds=key.allowed)
    one = pass_seconds(task, setup, piece.rows, key.bench)
    record = run(task, setup, key.preset, key.repeat, evaluations=task.evaluations, seconds=key.allowed * one)
    return {**record, "pass_s": one}


def _keys(options: argparse.Namespace) -> list[Key]:
    """All runs that are asked for; each repeat is begun by another preset."""
    presets = options.presets.split(",")
    keys = []
    for repeat in range(options.repeats):
        for name in options.tasks.split(","):
            task = TASKS[name]
            budgets = {"evaluations": float(task.short if options.short else task.evaluations)}
            budgets |= {"seconds": options.seconds} if options.seconds else {}
            budgets |= {"passes": options.passes} if options.passes else {}
            for at in range(len(presets)):
                preset = presets[(at + repeat) % len(presets)]
                for budget, allowed in budgets.items():
                    if applies(preset, task) and (budget == "evaluations" or preset not in SEARCHES):
                        keys.append(Key(name, preset, repeat, budget, allowed))
    return keys


def _pieces(keys: Sequence[Key], cache: Path, rows: Path) -> list[Piece]:
    parts: dict[tuple[str, int], list[Key]] = {}
    for key in keys:
        parts.setdefault((key.task, key.repeat), []).append(key)
    return [Piece(task, repeat, tuple(part), cache, rows) for (task, repeat), part in parts.items()]


def _named(key: Key) -> dict[str, Any]:
    return {
        "bench": "effectiveness", "task": key.task, "preset": key.preset, "repeat": key.repeat, "budget": key.budget,
        "allowed": key.allowed,
    }  # fmt: skip


def _show(records: list[dict[str, Any]], options: argparse.Namespace) -> None:
    presets = options.presets.split(",")
    records.sort(key=lambda record: (record["repeat"], presets.index(record["preset"])))
    tasks = {name: TASKS[name] for name in options.tasks.split(",")}
    shown = f"{brief(records, tasks)}\n{table(records, tasks)}"
    command = " ".join(["scripts/bench effectiveness", *_decisive(sys.argv[1:])])
    shown = f"`{command}`; code of guidance {guidance_code()}, of the tasks {bench_code()}.\n\n{shown}"
    print("\n" + shown)
    if options.markdown:
        Path(options.markdown).write_text(shown, encoding="utf-8")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _decisive(arguments: Sequence[str]) -> list[str]:
    """The arguments without those that change nothing in the table."""
    pairs = zip(["", *arguments], arguments, strict=False)
    idle = ("--cache", "--jobs", "--markdown", "--rows")
    return [argument for before, argument in pairs if argument.partition("=")[0] not in idle and before not in idle]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--presets", default=",".join((*COMPARED, *WHITE, *SEARCHES)))
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--passes", type=float, default=0.0, help="forward passes of the bare target, a batch each")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--markdown", help="a file to write the table to, with the command that made it")
    parser.add_argument("--cache", help="where trained models are kept between calls; else they are trained anew")
    parser.add_argument("--rows", help="where finished runs are kept between calls; else in rows/ of the cache")
    options = parser.parse_args()
    if unknown := [name for name in options.tasks.split(",") if name not in TASKS]:
        parser.error(f"unknown task {unknown[0]!r}; known: {', '.join(TASKS)}")
    options.repeats = (SHORT_REPEATS if options.short else REPEATS) if options.repeats is None else options.repeats
    if options.seconds is None:
        options.seconds = SHORT_SECONDS if options.short else SECONDS
    for name, least in (("repeats", 1), ("jobs", 1), ("seconds", 0), ("passes", 0)):
        if not least <= getattr(options, name) < float("inf"):
            parser.error(f"--{name} must be a number from {least} on, not {getattr(options, name)}")
    for name in ("cache", "rows"):
        if folder := getattr(options, name):
            try:
                Path(folder).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                parser.error(f"--{name} {folder}: cannot be made ({error.strerror}); name a folder to write to")
            if not os.access(folder, os.W_OK | os.X_OK):
                parser.error(f"--{name} {folder}: cannot be written to; name a folder to write to")
    return options


if __name__ == "__main__":
    sys.exit(main())
