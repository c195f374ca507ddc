"""The process that the shell waits for answers a request to end, whatever the command's own process is at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = """
import os, signal, subprocess, sys, time
from mlfuzz.cli import foreground
from mlfuzz.interrupts import Interrupted, Requests
foreground.GRACE_SECONDS, foreground.STAGE_SECONDS = 1.2, 0.8

def command(page):
    requests = Requests(page)
    try:
        requests.install()
        foreground.listen()
        requests.heed()
        os.write(1, b"%d\\n" % os.getpid())
        {at}
        return 7
    except Interrupted as error:
        if requests.answer():
            foreground.say(error.reason.value)
        return 0
    finally:
        requests.close()

sys.exit(foreground.run(command))
"""

SWALLOWS = """
        while True:
            try:
                time.sleep(9)
            except BaseException:
                pass
"""

IGNORES = "[signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; time.sleep(60)"

LEAVES = "subprocess.Popen(['sleep', '60'], start_new_session=True, stdout=2); time.sleep(60)"


def started(at: str) -> subprocess.Popen[bytes]:
    """A command; the signals that come before its first instruction are held back, as a person is slower than that."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND.replace("{at}", at)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [1, 2, 15]),
    )


def begun(process: subprocess.Popen[bytes]) -> int:
    """The command's own process, once it runs."""
    assert process.stdout is not None
    return int(process.stdout.readline())


@pytest.mark.parametrize(
    ("number", "code", "instant"),
    [(signal.SIGINT, 130, "at once"), (signal.SIGTERM, 143, "group"), (signal.SIGHUP, 129, "command")],
)
def test_a_request_is_answered_by_one_line_and_its_exit_code(number: int, code: int, instant: str) -> None:
    process = started("time.sleep(60)")
    if instant == "at once":
        process.send_signal(number)
    else:
        own = begun(process)
        os.killpg(process.pid, number) if instant == "group" else os.kill(own, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err.decode().splitlines() == [f"mlfuzz: { {130: 'interrupted', 143: 'terminated', 129: 'hung up'}[code] }"]


@pytest.mark.slow
@pytest.mark.parametrize("at", [SWALLOWS, IGNORES], ids=["swallows", "ignores"])
def test_what_gives_no_way_is_waited_for_with_a_word_and_then_killed(at: str) -> None:
    process = started(at)
    begun(process)
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in err
    if at == SWALLOWS:
        assert [line.split()[1] for line in err.splitlines()] == [b"interrupted:", b"waiting", b"killed"]


def test_what_a_command_leaves_behind_ends_with_it() -> None:
    process = started(LEAVES)
    begun(process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)  # its pipe is held open by what is left behind
    assert process.returncode == 143
    assert not children.exists()


@pytest.mark.parametrize(
    ("at", "code"), [("pass", 7), ("os._exit(3)", 3), ("os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV)]
)
def test_without_a_request_it_ends_as_the_command_did(at: str, code: int) -> None:
    process = started(at)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, b"")


def test_waking_with_a_number_that_is_no_signal_is_nothing() -> None:
    """As where a profiler or debugger stops the process."""
    wakes = """
import signal, types
real, first = signal.sigtimedwait, [types.SimpleNamespace(si_signo=1 << 20)]
signal.sigtimedwait = lambda which, seconds: first.pop() if first else real(which, seconds)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", wakes + COMMAND.replace("{at}", "pass")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (7, b"")


def test_a_command_that_outlives_its_terminal_hears_no_hang_up() -> None:
    code = COMMAND.replace("{at}", "time.sleep(0.3)")
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    begun(process)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 7
