"""Where the time of a guided input goes, beside that of a random one: microseconds an input, by phase.

    scripts/bench guided_cost [--tasks digits,deephunter,deeptest] [--presets random,mixed] [--inputs 8000]
                              [--repeats 3] [--cache FOLDER]

Of each task of `effectiveness` the presets run in turns with the same budget in inputs, without gradients as there.
`cpu` is processor time of the whole run, triage excepted; the phases are the loop's own clock (wall), so they sum to
less: what is left is the start and the end of the run. Medians over the repeats. Prints a JSON line for each run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from effectiveness_parts.presets import is_black, options_of
from tasks.catalogue import TASKS
from tasks.task import Setup, Task

from mlfuzz.budget import Budget
from mlfuzz.campaign.worker.campaign import Campaign

PHASES = ("mutate", "execute", "judge", "novelty", "store", "search")


def main() -> None:
    options = _options()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="mlfuzz-guided-cost-") as fresh:
        cache = Path(options.cache or fresh)
        cache.mkdir(parents=True, exist_ok=True)
        presets = options.presets.split(",")
        records = []
        for name in options.tasks.split(","):
            setup = TASKS[name].build(1, cache)
            for repeat in range(options.repeats):
                for preset in presets if repeat % 2 == 0 else presets[::-1]:
                    record = _run(TASKS[name], setup, preset, repeat, options.inputs)
                    records.append(record)
                    print(json.dumps(record), flush=True)
    _show(records)


def _run(task: Task, setup: Setup, preset: str, repeat: int, inputs: int) -> dict[str, Any]:
    target = setup.target()
    if is_black(preset):
        target.trace = None  # type: ignore[assignment, method-assign, union-attr, unused-ignore]
    options = options_of(preset, task, {**setup.options, "seed": repeat})
    with (
        tempfile.TemporaryDirectory(prefix="mlfuzz-guided-cost-") as folder,
        Campaign.open(Path(folder) / "c", target, seeds=setup.seeds, **options) as campaign,
    ):
        clock = time.process_time()
        campaign.run(Budget(inputs=inputs), triage_here=False)
        cpu, ran = time.process_time() - clock, campaign.loop.tally.inputs
        seconds = campaign.loop.tally.clock.seconds
        each = {phase: round(seconds.get(phase, 0.0) / ran * 1e6, 1) for phase in PHASES}
        row = {"bench": "guided_cost", "task": task.name, "preset": preset, "repeat": repeat, "inputs": ran}
        return {**row, "failing": campaign.loop.tally.failing, "cpu": round(cpu / ran * 1e6, 1), **each}


def _show(records: Sequence[dict[str, Any]]) -> None:
    columns = ("cpu", *PHASES)
    print(f"\n| task | preset | {' | '.join(columns)} |\n|---|---|{'---|' * len(columns)}")
    for task, preset in dict.fromkeys((record["task"], record["preset"]) for record in records):
        of = [record for record in records if (record["task"], record["preset"]) == (task, preset)]
        medians = [f"{np.median([record[column] for record in of]):.0f}" for column in columns]
        print(f"| {task} | {preset} | {' | '.join(medians)} |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="digits,deephunter,deeptest")
    parser.add_argument("--presets", default="random,mixed")
    parser.add_argument("--inputs", type=int, default=8000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cache", help="where trained models are kept between calls; else they are trained anew")
    return parser.parse_args()


if __name__ == "__main__":
    main()
