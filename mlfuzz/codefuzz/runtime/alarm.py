"""The alarm signal, which atheris and libFuzzer take for a clock of their own."""

from __future__ import annotations

import signal


class Alarm:
    """The signal as the harness has left it when this was made."""

    def __init__(self) -> None:
        self._handler = signal.getsignal(signal.SIGALRM)

    def give_back(self) -> None:
        """Stop the timer and put the handler back: an alarm is the target's, and means what it means without us."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self._handler is not None:  # else it is not Python's, and the engine has left it alone
            signal.signal(signal.SIGALRM, self._handler)
