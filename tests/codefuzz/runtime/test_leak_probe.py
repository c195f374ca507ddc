"""What is left behind is what does not go of itself."""

from __future__ import annotations

import threading
import time

import pytest

from mlfuzz.codefuzz.runtime import leak_probe
from mlfuzz.codefuzz.runtime.leak_probe import grown

pytestmark = pytest.mark.slow


@pytest.fixture
def left():
    """Ends what a test has started."""
    over = threading.Event()
    yield lambda: threading.Thread(target=over.wait, daemon=True).start()
    over.set()


def test_threads_that_stay_are_left_behind(left, monkeypatch):
    monkeypatch.setattr(leak_probe, "LINGER_SECONDS", 0.1)
    growth = grown(left, seconds=1.0, room=1 << 20)
    assert growth is not None
    assert (growth.kind, round(growth.amount)) == ("threads", 1)


def test_threads_that_end_of_themselves_are_not_however_long_they_take(monkeypatch):
    monkeypatch.setattr(leak_probe, "LINGER_SECONDS", 60.0)

    def run() -> None:
        threading.Thread(target=time.sleep, args=(0.8,), daemon=True).start()

    assert grown(run, seconds=0.5, room=1 << 20) is None
