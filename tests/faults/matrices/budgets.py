"""The time that a campaign was given, over the same hostile models."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from mlfuzz.budget import Budget
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.supervise import run
from mlfuzz.campaign.timetable import OWN_SECONDS, Timetable
from mlfuzz.errors import MlfuzzError
from mlfuzz.request import CampaignRequest
from mlfuzz.storage.workdir import Workdir

HERE = Path(__file__).parent.parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

import hostile_targets  # noqa: E402

PROMISE = "a campaign is over a tenth and five seconds after its time, whatever its target does"

CASES = 64

SECONDS = 6.0

KILL_SECONDS = 1.0
"""For what ends the processes, on an idle machine."""

CODES = (0, 1, 3, 143)
"""143: a target may end its own command with SIGTERM."""


def cases() -> list[str]:
    """ "kind, form": all that may cost time, and as many others as make up the number."""
    every = list(hostile_targets.named())
    costly = [case for case in every if hostile_targets.KINDS[case.split(", ")[0]].deadly]
    others = [case for case in every if case not in costly]
    step = max(1, len(others) // (CASES - len(costly)))
    return [*costly, *others[::step][: CASES - len(costly)]]


def broken(case: str, folder: Path) -> str:
    """One campaign, with a clock."""
    name, form = case.split(", ")
    seeds = hostile_targets.write_seeds(folder / "seeds", form)
    mutators = list(hostile_targets.MUTATORS.get("module" if form == "function" else form, ()))
    spec = WorkerSpec(
        target=f"hostile_targets:{name}__{form}", directory=str(HERE), seeds=str(seeds), mutators=mutators
    )
    began, clock = time.monotonic(), time.time()
    try:
        code = run(CampaignRequest(spec, folder / "c", Budget(seconds=SECONDS))).exit_code
        said = ""
    except MlfuzzError as error:
        code, said = error.exit_code, str(error)
    took = time.monotonic() - began
    ready = _ready(folder / "c", clock)
    planned = Timetable(0.0, SECONDS, ready)
    # Where no finding has been looked at yet, the start of the process that does is waited for once more.
    limit = planned.end + max(0.0, ready - OWN_SECONDS) + KILL_SECONDS * planned.slowness
    if code not in CODES or "Traceback" in said:
        return f"exit code {code}: {said}"
    return "" if took <= limit else f"took {took:.1f} s, at most {limit:.1f} s on this machine now"


def _ready(folder: Path, began: float) -> float:
    """Seconds until a worker could load the target."""
    path = Workdir(folder).ready()
    return path.stat().st_mtime - began if path.exists() else OWN_SECONDS
