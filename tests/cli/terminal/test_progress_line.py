"""Who waits for somebody else's code is told so."""

from __future__ import annotations

import io
import time

from mlfuzz.cli.terminal import progress_line
from mlfuzz.cli.terminal.progress_line import ProgressLine, waiting
from mlfuzz.cli.terminal.terminal import Terminal


def test_a_log_says_how_long_it_has_waited_and_nothing_once_that_is_over(monkeypatch):
    monkeypatch.setattr(progress_line, "LOG_SECONDS", 0.0)
    out = io.StringIO()
    with ProgressLine(Terminal(out=out, err=out, colour="never")) as pace:
        with waiting(pace, "the target is tried", every=0.01):
            deadline = time.monotonic() + 5.0
            while "the target is tried, 0 s so far" not in out.getvalue() and time.monotonic() < deadline:
                time.sleep(0.01)
        said = out.getvalue()
        assert "the target is tried, 0 s so far" in said
        time.sleep(0.05)
        assert out.getvalue() == said
