"""What a campaign's time went into, as it is said at its end."""

from __future__ import annotations

import time
from typing import Literal

Share = Literal["start", "fuzzing", "deaths", "wrap_up"]


class TimeShares:
    """Of one run. began: monotonic. seconds: by share, once the next one has begun."""

    def __init__(self, began: float) -> None:
        self.seconds: dict[str, float] = {}
        self._share: Share = "start"
        self._since = began

    @property
    def share(self) -> Share:
        """What goes on now."""
        return self._share

    def enter(self, share: Share) -> None:
        """Something else begins now; nothing changes where it is what goes on."""
        if share == self._share:
            return
        now = time.monotonic()
        self.seconds[self._share] = self.seconds.get(self._share, 0.0) + now - self._since
        self._share, self._since = share, now

    def record(self, asked: float | None) -> dict[str, float]:
        """Seconds by share up to now, and those that were asked for."""
        now = {**self.seconds}
        now[self._share] = now.get(self._share, 0.0) + time.monotonic() - self._since
        return {**({} if asked is None else {"asked": asked}), **{name: round(spent, 2) for name, spent in now.items()}}
