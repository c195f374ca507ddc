"""Messages between processes, in whatever pieces they come."""

from __future__ import annotations

import socket

import pytest

from mlfuzz.codefuzz.forkserver.output_ring import OutputRing
from mlfuzz.codefuzz.runtime.messages import MessageBuffer, receive, send


def test_messages_arrive_whole_however_they_are_cut():
    one, two = socket.socketpair()
    with one, two:
        send(one, {"text": "\ud800", "number": 1.5}, b"\0" * 10)
        send(one, {})
        data = two.recv(1 << 16)
    for size in (1, 3, 1000):
        frames = MessageBuffer()
        got = [frame for at in range(0, len(data), size) for frame in frames.feed(data[at : at + size])]
        assert got == [({"text": "\ud800", "number": 1.5}, b"\0" * 10), ({}, b"")]


def test_damage_is_an_error_and_the_end_of_the_other_side_too():
    with pytest.raises(ValueError, match="damaged"):
        MessageBuffer().feed(b"\xff" * 8)
    one, two = socket.socketpair()
    one.close()
    with two, pytest.raises(EOFError):
        receive(two)


def test_half_a_message_of_a_dead_worker_is_forgotten():
    one, two = socket.socketpair()
    with one, two:
        send(one, {"a": 1})
        data = two.recv(1 << 16)
    frames = MessageBuffer()
    frames.feed(data[:-1])
    frames.clear()
    assert frames.feed(data) == [({"a": 1}, b"")]


def test_a_ring_keeps_the_end_and_says_what_is_gone():
    ring = OutputRing(100)
    for number in range(1000):
        ring.add(b"%04d\n" % number)
    assert ring.data.endswith(b"0999\n")
    assert len(ring.data) >= 95
    assert len(ring.data) <= 100
    assert ring.text().startswith("[49")
    ring.clear()
    assert (ring.data, ring.text()) == (b"", "")


def test_one_piece_larger_than_the_ring_is_cut_to_its_end():
    ring = OutputRing(10)
    ring.add(b"x" * 50 + b"end")
    assert ring.data == b"xxxxxxxend"
