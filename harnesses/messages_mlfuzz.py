#!/usr/bin/env python3
"""Bytes between processes -> mlfuzz's messages: of the fork server, of workers, of triage. The first byte says which.

Documented: ValueError for what cannot be a message (mlfuzz.codefuzz.runtime.messages; msgspec's DecodeError is one).
However a stream is cut, the same messages come out of it; each is a table; how a worker ended is an error of mlfuzz.
"""

import contextlib
import importlib
import json
import sys

HARNESS = {
    "name": "messages_mlfuzz",
    "about": "a stream between processes -> messages, however it is cut",
    "instrument": [
        "mlfuzz.codefuzz.runtime.messages", "mlfuzz.campaign.worker.orders", "mlfuzz.decoding", "mlfuzz.stop_reason",
    ],
    "preload": [
        "mlfuzz.codefuzz.runtime.messages", "mlfuzz.campaign.worker.orders", "mlfuzz.campaign.supervisor.triage_worker",
    ],
    "seeds": "corpus/seeds/code/messages_mlfuzz",
    "dictionary": "corpus/seeds/code/messages_mlfuzz.dict",
    "allowed": ["ValueError"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 1024,
}  # fmt: skip

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

import msgspec

from mlfuzz.campaign.supervisor.triage_worker import Reply, TriageRequest
from mlfuzz.campaign.worker.orders import Answer, Order
from mlfuzz.codefuzz.runtime.messages import HEAD, MessageBuffer
from mlfuzz.decoding import json_as
from mlfuzz.errors import MlfuzzError


def frames_of(stream: bytes, size: int) -> tuple[list[object], bool]:
    """The messages that come of a stream in pieces, and whether it was damaged."""
    buffer, found = MessageBuffer(), []
    try:
        for at in range(0, len(stream), size):
            found += buffer.feed(stream[at : at + size])
    except ValueError:
        return found, True
    return found, False


def stream(content: bytes) -> None:
    """The first byte: the size of the pieces."""
    size, rest = content[0] + 1 if content else 1, content[1:]
    pieces, damaged = frames_of(rest, size)
    whole, all_damaged = frames_of(rest, len(rest) + 1)
    assert damaged == all_damaged, "damage that depends on where it is cut"
    assert pieces[: len(whole)] == whole, "other messages where it is cut otherwise"
    for message, payload in pieces:
        assert isinstance(message, dict), "a message that is no table"
        assert isinstance(payload, bytes), "a payload that is no bytes"


def framed(content: bytes) -> None:
    """Lines of JSON, each as a message with itself as payload: no chance finds the lengths."""
    lines = content[1:].split(b"\n")
    joined = b"".join(HEAD.pack(len(line), len(line)) + line + line for line in lines)
    stream(content[:1] + joined)
    wanted = [table_of(line) for line in lines]
    if None not in wanted:
        found, damaged = frames_of(joined, 7)
        assert not damaged, "whole messages are damaged"
        assert repr([message for message, _ in found]) == repr(wanted), "other messages than were sent"


def table_of(line: bytes) -> dict[str, object] | None:
    try:
        table = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return table if isinstance(table, dict) else None


def answer(content: bytes) -> None:
    error = json_as(content, Answer).error()
    assert isinstance(error, MlfuzzError), f"{type(error).__name__} is none of ours"
    assert isinstance(error.exit_code, int), "an exit code that is no number"


def same(kind: type) -> object:
    def read(content: bytes) -> None:
        one = json_as(content, kind)
        assert json_as(msgspec.json.encode(one), kind) == one, "written and read again, it differs"

    return read


READERS = {
    b"m": stream, b"M": framed, b"a": answer, b"o": same(Order), b"q": same(TriageRequest), b"r": same(Reply),
}  # fmt: skip


def fuzz(data: bytes) -> None:
    if data[:1] in READERS:
        READERS[data[:1]](data[1:])


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(ValueError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
