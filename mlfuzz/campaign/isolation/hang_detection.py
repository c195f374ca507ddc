"""What a worker is at, and when it counts as hanging. No torch."""

from __future__ import annotations

import time

from mlfuzz.campaign.isolation.call_deadline import start_seconds
from mlfuzz.campaign.isolation.flight_recorder import Pulse


def doing(pulse: Pulse | None) -> str:
    """What a worker is at before its first batch, in words."""
    if pulse is None or pulse.phase in ("start", "load"):
        return "loading the target"
    if not pulse.calls:
        return "waiting for the target's first answer"
    if pulse.phase == "calibrate":
        return "measuring the target"
    return f"running seeds and their mutants, {pulse.inputs} so far"


def overdue(pulse: Pulse | None, deadline: float) -> str:
    """Why the worker with this pulse is given up, in words; "" while it is in time, or has ended.

    deadline: seconds a batch may take, where the user has said so; else 0.
    """
    if pulse is None:
        return ""
    spent = time.monotonic() - pulse.since
    limit = pulse.limit if pulse.phase == "execute" else start_seconds(deadline)
    return f"no answer for {limit:.1f} s" if pulse.phase != "ended" and spent > limit else ""
