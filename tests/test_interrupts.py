"""Requests to end, heard alike whoever runs a campaign."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from mlfuzz.interrupts import Interrupts
from mlfuzz.stop_reason import StopReason

SIGNALS = {
    signal.SIGINT: StopReason.INTERRUPTED,
    signal.SIGTERM: StopReason.TERMINATED,
    signal.SIGHUP: StopReason.HUNG_UP,
}


@pytest.fixture(autouse=True)
def a_hang_up_is_heard():
    """Whoever runs the tests may have started them to outlive the terminal (nohup)."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def stop_file(tmp_path):
    return tmp_path / "stop"


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(("number", "reason"), SIGNALS.items())
def test_the_first_request_is_acknowledged_once_and_handlers_are_put_back(number, reason, stop_file):
    before, messages = signal.getsignal(number), []
    with Interrupts(stop_file, messages.append) as interrupts:
        assert interrupts.reason is None
        assert interrupts.seconds == 0.0
        send(number)
        assert messages == []  # not in the handler
        assert (interrupts.reason, interrupts.reason, messages) == (reason, reason, [reason])
        assert interrupts.seconds > 0.0
    assert signal.getsignal(number) == before


def test_a_second_signal_ends_at_once_but_for_another_hang_up(stop_file):
    with Interrupts(stop_file) as interrupts:
        send(signal.SIGTERM)
        send(signal.SIGHUP)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        assert interrupts.reason is StopReason.TERMINATED


def test_one_that_is_watched_leaves_losing_patience_to_who_watches_it(stop_file):
    with Interrupts(stop_file, patient=True) as interrupts:
        send(signal.SIGTERM)
        send(signal.SIGINT)
        assert interrupts.reason is StopReason.TERMINATED


def test_the_file_of_stop_is_a_request_and_a_signal_after_it_the_second(stop_file):
    with Interrupts(stop_file) as interrupts:
        stop_file.touch()
        assert interrupts.reason is StopReason.REQUESTED
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)


def test_who_outlives_the_terminal_hears_no_hang_up(stop_file):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts(stop_file) as interrupts:
            send(signal.SIGHUP)
            assert interrupts.reason is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_the_file_is_heard(stop_file):
    heard = []

    def other():
        with Interrupts(stop_file) as interrupts:
            stop_file.touch()
            heard.append(interrupts.reason)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert heard == [StopReason.REQUESTED]
