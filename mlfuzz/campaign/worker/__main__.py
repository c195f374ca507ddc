"""One run of the loop in a process of its own: `python -m mlfuzz.campaign.worker ORDER`. Started by the supervisor."""

from __future__ import annotations

import math
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import msgspec

from mlfuzz.campaign.isolation.process_setup import tune_malloc
from mlfuzz.campaign.timetable import Timetable
from mlfuzz.campaign.worker.orders import Answer, Order
from mlfuzz.errors import EXIT_CLEAN, MlfuzzError, StorageError
from mlfuzz.interrupts import Interrupts
from mlfuzz.stop_reason import Stop
from mlfuzz.storage.durable import create_exclusive, write_atomic
from mlfuzz.storage.lock import die_with_parent
from mlfuzz.storage.remedy import surroundings_error
from mlfuzz.storage.workdir import Workdir

TRACE = 10_000
"""Characters of a traceback that a pipe takes at once, with what stands around it."""

LEAST_SECONDS = 0.01
"""A worker that comes too late runs one batch."""


def main(argument: str) -> int:
    """Run the order; 0 where it ended as asked. What went wrong stands in the answer file."""
    order = msgspec.json.decode(argument, type=Order)
    workdir = Workdir(Path(order.workdir))
    # Before torch, whose import would otherwise lose a signal.
    with Interrupts(workdir.stop_request, patient=True) as interrupts:
        die_with_parent(order.parent)
        if order.pipe >= 0:
            os.set_inheritable(order.pipe, False)
        tune_malloc()
        answer = _answer(order, workdir, interrupts)
        _say(answer, order, workdir)
        sys.stdout.flush()
        os._exit(answer.exit_code)  # threads and exit handlers of the target must not keep the worker


def _say(answer: Answer, order: Order, workdir: Workdir) -> None:
    """Where the file cannot be written the pipe takes it: a full disk must not look like a death."""
    try:
        write_atomic(workdir.answer(order.worker), msgspec.json.encode(answer))
    except StorageError:
        if order.pipe >= 0:
            os.write(order.pipe, msgspec.json.encode(msgspec.structs.replace(answer, trace=answer.trace[-TRACE:])))


def fuzzed_until(order: Order, timetable: Timetable | None, now: float) -> float:
    """When no batch begins any more (monotonic), for a worker whose first one begins now.

    What loading, the first call, seeds and calibration take is beside the time asked for as far as there is room.
    """
    if timetable is None:
        return math.inf
    return order.until or min(now + timetable.seconds, timetable.last_batch)


def _answer(order: Order, workdir: Workdir, interrupts: Interrupts) -> Answer:
    try:
        return Answer(exit_code=EXIT_CLEAN, stop=_run(order, workdir, interrupts))
    except MlfuzzError as error:
        return Answer(
            exit_code=error.exit_code, kind=type(error).__name__, message=str(error), trace=traceback.format_exc()
        )
    except Exception as error:  # noqa: BLE001  a fault of mlfuzz itself must reach the person, not only a log
        refused = surroundings_error(error) if isinstance(error, OSError) else None
        said = refused or error
        return Answer(exit_code=3, kind=type(said).__name__, message=str(said), trace=traceback.format_exc())


def _run(order: Order, workdir: Workdir, interrupts: Interrupts) -> Stop:
    from mlfuzz.campaign.spec import loads
    from mlfuzz.registry import import_plugins

    spec = loads(workdir.order(order.worker).read_bytes(), str(workdir.order(order.worker)))
    import torch

    from mlfuzz.budget import Budget
    from mlfuzz.campaign.worker.campaign import Campaign
    from mlfuzz.targets.load import load

    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    torch.set_num_threads(threads)
    timetable = _timetable(order, workdir)
    import_plugins(spec.plugins, Path(spec.directory))
    target: Any = load(spec.target, directory=Path(spec.directory).resolve(), device=spec.device)
    if interrupts.reason:
        return Stop(interrupts.reason)
    options: dict[str, Any] = {
        "adopt": order.adopt, "guarded": order.guarded, "lock": False, "worker": order.worker,
        "workers": order.workers, "timetable": timetable, "threads": threads,
    }  # fmt: skip
    with Campaign.open(workdir.root, target, spec=spec, **options) as campaign:
        now = time.monotonic()
        left = fuzzed_until(order, timetable, now) - now
        budget = Budget(
            seconds=None if timetable is None else max(LEAST_SECONDS, left),
            inputs=order.inputs, findings=order.findings, new_faults=order.new_faults,
        )  # fmt: skip
        return campaign.run(budget, interrupts=interrupts, triage_here=False).stop


def _timetable(order: Order, workdir: Workdir) -> Timetable | None:
    """The whole campaign's; whoever watches is told that the target is loaded from now on."""
    now = time.monotonic()
    create_exclusive(workdir.ready(order.worker), b"", sync=False)
    return None if order.seconds is None else Timetable(order.began, order.seconds, order.ready or now)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
