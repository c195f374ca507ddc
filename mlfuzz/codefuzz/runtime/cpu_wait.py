"""How long the main thread has waited for a processor: no time of the input's."""

from __future__ import annotations


def waited() -> float:
    """Seconds so far; 0 where the system does not tell."""
    try:
        with open("/proc/self/schedstat") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
