"""Why a campaign ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from mlfuzz.errors import EXIT_HANGUP, EXIT_INTERRUPTED, EXIT_TERMINATED


class StopReason(Enum):
    """Of both sides, NEW_FAULTS of models alone. The last four come from outside."""

    TIME = "time"
    INPUTS = "inputs"
    FINDINGS = "findings"
    NEW_FAULTS = "new faults"
    DISK = "disk"
    EXHAUSTED = "exhausted"
    INTERRUPTED = "interrupted"
    REQUESTED = "requested"
    TERMINATED = "terminated"
    HUNG_UP = "hung up"

    @property
    def exit_code(self) -> int | None:
        """Where somebody asked for the end: never clean, whatever was found."""
        return _EXIT_CODES.get(self)


@dataclass(frozen=True, slots=True)
class Stop:
    """A reason and the limit that was reached, where it has one; as a string what is said and stored of it."""

    reason: StopReason
    limit: int = 0

    def __str__(self) -> str:
        return _TEXTS[self.reason].format(self.limit)


_TEXTS: Mapping[StopReason, str] = MappingProxyType(
    {
        StopReason.TIME: "time is up",
        StopReason.INPUTS: "{} inputs ran",
        StopReason.FINDINGS: "{} findings were saved",
        StopReason.NEW_FAULTS: "less than 1 new fault in {} inputs is to be expected",
        StopReason.DISK: "its allowance of {} MiB of disk is used up",
        StopReason.EXHAUSTED: "nothing is left to fuzz",
        StopReason.INTERRUPTED: "interrupted",
        StopReason.REQUESTED: "stopped",
        StopReason.TERMINATED: "stopped",
        StopReason.HUNG_UP: "stopped",
    }
)

_EXIT_CODES: Mapping[StopReason, int] = MappingProxyType(
    {
        StopReason.INTERRUPTED: EXIT_INTERRUPTED,
        StopReason.REQUESTED: EXIT_INTERRUPTED,
        StopReason.TERMINATED: EXIT_TERMINATED,
        StopReason.HUNG_UP: EXIT_HANGUP,
    }
)
