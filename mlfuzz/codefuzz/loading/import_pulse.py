"""A sign of life while a harness is imported: as long as it imports more, it is not stuck."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PULSE_SECONDS = 0.5
"""Between two signs: several within the shortest limit that somebody would set."""


class ImportPulse:
    """Goes in front of sys.meta_path, and finds nothing. tell: called now and then with a module nobody has asked for
    before.
    """

    def __init__(self, tell: Callable[[], object]) -> None:
        self._tell, self._last = tell, 0.0
        self._seen: set[str] = set()

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        """Nothing; the next finder is asked."""
        if name in self._seen:
            return
        self._seen.add(name)
        now = time.monotonic()
        if now - self._last >= PULSE_SECONDS:
            self._last = now
            self._tell()
