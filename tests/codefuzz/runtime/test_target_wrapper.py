"""What stands around a harness's function: the page knows which input runs, whatever becomes of it."""

from __future__ import annotations

import pytest

from mlfuzz.codefuzz.failure.bucketing import FrameOwners
from mlfuzz.codefuzz.failure.expected_exceptions import Documented
from mlfuzz.codefuzz.runtime.flight_recorder import CLOSED, REFUSED, SMALL, STARTED, FlightPage, create
from mlfuzz.codefuzz.runtime.target_wrapper import UNTELLABLE, ExceptionFilter, wrap


@pytest.fixture
def flight():
    opened = FlightPage(create("test"))
    yield opened
    opened.close()


def catcher_of(flight, *allowed):
    return ExceptionFilter(Documented([(name, "") for name in allowed]), FrameOwners([], "", []), flight, set())


@pytest.mark.parametrize("size", [0, 1, 64, SMALL - 1, SMALL, SMALL + 1, 3 * SMALL])
def test_while_an_input_runs_the_page_holds_it_and_its_number(flight, size):
    seen = []

    def entry(data):
        seen.append((flight.running, flight.payload, flight.head[STARTED]))

    run = wrap(entry, catcher_of(flight), frozenset())
    shorter, longer = b"s" * (size // 2), bytes(number % 251 for number in range(size))
    for data in (longer, shorter, longer):
        run(data)
        assert not flight.running
    assert seen == [(True, longer, 1), (True, shorter, 2), (True, longer, 3)]


def test_what_is_raised_is_counted_and_told_once(flight):
    def entry(data):
        raise {b"d": ValueError, b"u": KeyError}[data]("x")

    catcher, outcomes = catcher_of(flight, "ValueError"), []
    catcher.tell = lambda outcome, data: outcomes.append((outcome["type"], data))
    run = wrap(entry, catcher, frozenset())
    for data in (b"d", b"u", b"d", b"u"):
        run(data)
    assert outcomes == [("KeyError", b"u")]
    assert flight.head[REFUSED] == 2
    assert flight.head[CLOSED] == 4


def test_a_worker_without_memory_to_tell_by_ends_as_one_that_cannot_tell(flight, monkeypatch):
    def entry(data):
        raise KeyError("x")

    def full(*_, **__):
        raise MemoryError

    def leave(status):
        raise SystemExit(status)

    monkeypatch.setattr("mlfuzz.codefuzz.runtime.target_wrapper.describe", full)
    monkeypatch.setattr("mlfuzz.codefuzz.runtime.target_wrapper.LEAVE", leave)
    with pytest.raises(SystemExit) as ended:
        wrap(entry, catcher_of(flight), frozenset())(b"a")
    assert ended.value.code == UNTELLABLE


def test_an_input_that_killed_a_worker_does_not_run_again(flight):
    ran = []
    run = wrap(ran.append, catcher_of(flight), frozenset({b"killer"}))
    for data in (b"a", b"killer", b"b"):
        run(data)
    assert ran == [b"a", b"b"]


def test_a_spare_is_left_between_two_inputs_and_goes_on_with_the_next_but_the_killer(flight):
    ran, asked = [], []

    def keep(number, poison):
        asked.append(number)
        return 10 * number, 10 * number + 2, poison | {b"killer"}

    run = wrap(ran.append, catcher_of(flight), frozenset(), keep)
    for data in (b"a", b"b", b"killer", b"c"):
        run(data)
    assert ran == [b"a", b"b", b"c"]
    assert asked == [1, 12]
    assert flight.head[STARTED] == 121


def test_runs_are_counted_also_while_the_number_of_the_next_is_being_written(flight):
    flight.head[STARTED], flight.head[CLOSED] = 0, 7
    assert flight.runs == 7
    flight.head[STARTED] = 8
    assert flight.runs == 8


def test_the_last_words_of_a_worker_are_kept_until_the_next_begins(flight):
    flight.leave(b'{"kind": "damage"}', b"inputs")
    assert (flight.words, flight.payload) == (b'{"kind": "damage"}', b"inputs")
    flight.clear_words()
    assert flight.words == b""
