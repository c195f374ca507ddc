from __future__ import annotations

import concurrent.futures
import threading
import time

import pytest

from mlfuzz.codefuzz.runtime.input_threads import InputThreads, input_of


@pytest.fixture
def threads(monkeypatch):
    monkeypatch.setattr(threading.Thread, "start", threading.Thread.start)  # put back at the end
    made = InputThreads(lambda: (1, b"input"))
    made.install()
    made.patience = 0.2
    return made


def test_a_thread_and_its_own_threads_are_of_the_input_that_started_the_first(threads):
    seen = []
    inner = threading.Thread(target=lambda: seen.append(threading.current_thread()))
    outer = threading.Thread(target=inner.start)
    outer.start()
    threads.wait()
    assert [input_of(one) for one in (outer, *seen)] == [b"input", b"input"]
    assert input_of(threading.main_thread()) is None


def test_an_idle_pool_is_not_waited_for_and_a_busy_one_is(threads):
    until = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(len, "").result()
        began = time.monotonic()
        threads.wait()
        assert time.monotonic() - began < 0.1
        pool.submit(until.wait)
        threads.wait()
        assert time.monotonic() - began > 0.2
        until.set()


def test_each_wait_in_vain_is_half_as_long_as_the_one_before(threads):
    until = threading.Event()
    threading.Thread(target=until.wait).start()
    for _ in range(3):
        threads.wait()
    until.set()
    assert threads.patience == pytest.approx(0.2 / 8)
