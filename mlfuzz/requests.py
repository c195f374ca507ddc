"""Requests from outside to end a campaign: the signals that are heard, and the exit code each has."""

from __future__ import annotations

import os
import signal
import stat

from mlfuzz.errors import EXIT_HANGUP, EXIT_INTERRUPTED, EXIT_TERMINATED

EXIT_CODES = {signal.SIGINT: EXIT_INTERRUPTED, signal.SIGTERM: EXIT_TERMINATED, signal.SIGHUP: EXIT_HANGUP}
"""`mlfuzz stop` sends no signal, and counts as SIGINT."""


def heard() -> list[signal.Signals]:
    """Those that a campaign answers: all, except a hang-up where it was started to outlive its terminal (nohup)."""
    return [one for one in EXIT_CODES if one != signal.SIGHUP or signal.getsignal(one) != signal.SIG_IGN]


def leave_terminal() -> None:
    """What is still said goes nowhere where the terminal has hung up: writing to it would end what saves."""
    for descriptor in (1, 2):
        if stat.S_ISCHR(os.fstat(descriptor).st_mode) and not os.isatty(descriptor):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
