"""When a worker counts as hanging. No torch."""

from __future__ import annotations

import time

from mlfuzz.campaign.flight import Pulse

START_SECONDS = 300.0
"""To import torch, load a model and run the seeds; a target that needs longer sets a deadline of its own."""

SLOWEST_FACTOR = 20.0
LEAST_DEADLINE = 5.0
"""A batch counts as hanging at 20 times the slowest so far, at least 5 s (the first run of a shape may compile)."""


def overdue(pulse: Pulse | None, deadline: float) -> str:
    """Why the worker with this pulse is given up, in words; "" while it is in time, or has ended.

    deadline: seconds a batch may take; 0: measured by the slowest so far.
    """
    if pulse is None:
        return ""
    spent = time.monotonic() - pulse.since
    limit = START_SECONDS
    if pulse.phase == "execute":
        limit = deadline or max(LEAST_DEADLINE, SLOWEST_FACTOR * pulse.slowest)
    return f"no answer for {limit:.1f} s" if pulse.phase != "ended" and spent > limit else ""
