"""A spare of the worker that fuzzes: it waits until it is told that its worker is dead."""

from __future__ import annotations

import os
import socket

import pytest

from mlfuzz.codefuzz.forkserver import standby
from mlfuzz.codefuzz.forkserver.standby import Keeper
from mlfuzz.codefuzz.runtime.messages import WHOSE, send


@pytest.fixture
def waiting(monkeypatch):
    """A spare's end of the socket, and the supervisor's."""

    def leave(status):
        raise SystemExit(status)

    monkeypatch.setattr(standby, "LEAVE", leave)
    ours, theirs = socket.socketpair()
    yield Keeper(None, lambda *_: None, theirs, -1, lambda: 0.0), ours, theirs
    ours.close()
    theirs.close()


def test_it_goes_on_with_what_it_is_told(waiting):
    keeper, ours, _ = waiting
    ours.sendall(WHOSE.pack(os.getpid()))
    send(ours, {"known": ["a"]}, b"killer")
    assert keeper._wait() == {"known": ["a"], "payload": b"killer"}


def test_one_that_nobody_knows_of_leaves_what_is_meant_for_another(waiting):
    keeper, ours, theirs = waiting
    ours.sendall(WHOSE.pack(os.getpid() + 1))
    with pytest.raises(SystemExit):
        keeper._wait()
    assert theirs.recv(64, socket.MSG_DONTWAIT) == WHOSE.pack(os.getpid() + 1)


def test_it_ends_where_the_supervisor_is_gone(waiting):
    keeper, ours, _ = waiting
    ours.close()
    with pytest.raises(SystemExit):
        keeper._wait()
