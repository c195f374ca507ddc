"""Requests to end, heard alike whoever runs a campaign."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from mlfuzz.interrupts import POKE, Interrupted, Interrupts, Requests
from mlfuzz.request_page import FIRST, HELD, IN_FRONT
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


def test_a_supervisor_says_in_the_file_what_was_asked_for_and_rubbish_there_asks_for_the_end_all_the_same(stop_file):
    for text, reason in (("terminated", StopReason.TERMINATED), ("time", StopReason.REQUESTED), ("\xff", None)):
        stop_file.write_text(text)
        assert Interrupts(stop_file).reason is (reason or StopReason.REQUESTED)


@pytest.fixture
def requests():
    """A command's, with a page that a process in front may write to."""
    before = {number: signal.getsignal(number) for number in (*SIGNALS, POKE)}
    hook = sys.unraisablehook
    page = bytearray(8)
    found = Requests(page)
    found.install()
    yield found, page
    for number, handler in before.items():
        signal.signal(number, handler)
    sys.unraisablehook = hook


@pytest.mark.parametrize(("number", "reason"), SIGNALS.items())
def test_a_command_that_saves_nothing_is_ended_by_what_the_request_raises(number, reason, requests):
    with pytest.raises(Interrupted) as raised:
        send(number)
    assert raised.value.reason is reason


def test_a_terminal_s_request_comes_to_both_processes_and_counts_once(requests, stop_file):
    _, page = requests
    with Interrupts(stop_file) as interrupts:
        assert page[HELD] == 1
        page[IN_FRONT], page[FIRST] = 1, signal.SIGINT
        send(POKE)
        send(signal.SIGINT)
        assert interrupts.reason is StopReason.INTERRUPTED
        page[IN_FRONT] = 2
        with pytest.raises(Interrupted):
            send(POKE)
    assert page[HELD] == 0


def test_what_a_campaign_has_taken_up_is_not_raised_while_it_is_reported(requests, stop_file):
    with Interrupts(stop_file) as interrupts:
        send(signal.SIGINT)
        assert interrupts.reason is StopReason.INTERRUPTED
    send(POKE)
    with pytest.raises(Interrupted):
        send(signal.SIGINT)


def test_what_was_raised_and_swallowed_ends_the_campaign_that_begins_all_the_same(requests, stop_file):
    with pytest.raises(Interrupted):
        send(signal.SIGTERM)
    with Interrupts(stop_file) as interrupts:
        assert interrupts.reason is StopReason.TERMINATED


def test_once_the_command_is_over_nothing_is_raised_any_more(requests):
    found, _ = requests
    found.close()
    send(signal.SIGINT)


def test_a_finaliser_that_swallows_the_request_only_puts_it_off(requests):
    class Finalised:
        def __del__(self) -> None:
            send(signal.SIGINT)

    with pytest.raises(Interrupted):  # noqa: PT012
        finalised = Finalised()
        del finalised
        time.sleep(5.0)


STREAMS = """
import os, sys
from mlfuzz.interrupts import leave_dead_streams
reading, writing = os.pipe()
os.dup2(writing, 1)
if sys.argv[1] == "gone":
    os.close(reading)
if sys.argv[1] == "full":
    os.set_blocking(1, False)
    try:
        while True: os.write(1, b"x" * 4096)
    except BlockingIOError: pass
    os.set_blocking(1, True)
leave_dead_streams()
os.write(1, b"y")
os.write(2, os.readlink("/proc/self/fd/1").encode())
"""


@pytest.mark.parametrize(("reader", "left"), [("gone", True), ("full", True), ("there", False)])
def test_a_stream_that_nobody_takes_from_is_left(reader, left):
    ran = subprocess.run([sys.executable, "-c", STREAMS, reader], capture_output=True, text=True, timeout=60)
    assert (ran.stderr == "/dev/null", ran.returncode) == (left, 0), ran.stderr
