"""What becomes of streams that show little, are full, closed, or read by nobody."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import sys
import threading
import time

import pytest

from mlfuzz.cli.terminal.streams import KEPT_BYTES, PIECE_BYTES, Outlet, outlet_of, own_streams
from mlfuzz.cli.terminal.terminal import Terminal

HARD = "caf\xe9 \u6f22\u5b57 \U0001f600"


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):
            os.close(end)


def stream(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8", "utf-16"])
def test_what_a_machine_gets_is_json_in_every_encoding(encoding):
    out = stream(encoding)
    Terminal(json=True, out=out, err=stream("ascii")).emit({HARD: [HARD, "\udce9", float("inf"), 1.5]})
    said = out.buffer.getvalue().decode(encoding)
    assert json.loads(said) == {HARD: [HARD, "\udce9", None, 1.5]}


def test_columns_stay_in_line_where_a_name_becomes_an_escape():
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace", write_through=True)
    Terminal(out=out, err=out).table(["a", "b"], [["\u6f22", "x"], ["plain", "y"]])
    lines = out.buffer.getvalue().decode().splitlines()
    assert [line[8:] for line in lines] == ["b", "x", "y"]


def test_streams_of_others_get_escapes_for_as_long_as_the_command_runs(monkeypatch):
    theirs = stream("ascii")
    monkeypatch.setattr(sys, "stdout", theirs)
    with own_streams():
        print(HARD)
    assert sys.stdout is theirs
    assert theirs.errors == "strict"
    assert theirs.buffer.getvalue() == b"caf\\xe9 \\u6f22\\u5b57 \\U0001f600\n"


def test_a_closed_stream_leads_nowhere_and_is_closed_again(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with own_streams():
        assert outlet_of(sys.stdout) is not None
    assert sys.stdout is None


def test_a_reader_who_has_gone_is_said_once_for_answers_and_never_for_complaints(pipe):
    reader, writer = pipe
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        Outlet(writer, vital=True).write(b"x\n")
    assert Outlet(writer, vital=False).write(b"x\n") == 2


def test_a_full_disk_ends_nothing_and_is_remembered():
    full = os.open("/dev/full", os.O_WRONLY)
    outlet = Outlet(full, vital=True)
    assert outlet.write(b"x\n") == 2
    outlet.drain()
    os.close(full)
    assert outlet.problem == os.strerror(errno.ENOSPC)


def test_a_reader_who_does_not_read_is_not_waited_for_and_gets_whole_lines_later(pipe, monkeypatch):
    monkeypatch.setattr("mlfuzz.cli.terminal.streams.HURRIED_SECONDS", 0.01)
    reader, writer = pipe
    outlet = Outlet(writer, vital=True)
    line = b"a" * 99 + b"\n"
    began = time.monotonic()
    with outlet.hurry():
        for _ in range(2 * KEPT_BYTES // 100):
            outlet.write(line)
    assert time.monotonic() - began < 5
    read = []
    thread = threading.Thread(target=lambda: read.extend(iter(lambda: os.read(reader, PIECE_BYTES), b"")))
    thread.start()
    outlet.drain()
    outlet.close()
    os.close(writer)
    thread.join()
    *whole, last = b"".join(read).splitlines(keepends=True)
    assert set(whole) == {line}
    assert KEPT_BYTES // 100 <= len(whole) < 2 * KEPT_BYTES // 100
    left_out = 2 * KEPT_BYTES // 100 - len(whole)
    assert last == f"({left_out} lines were left out while nobody read)\n".encode()


def test_a_descriptor_that_does_not_block_loses_nothing(pipe):
    reader, writer = pipe
    os.set_blocking(writer, False)
    outlet, size = Outlet(writer, vital=True), 300_000
    read = []
    thread = threading.Thread(target=lambda: read.extend(iter(lambda: os.read(reader, 1 << 16), b"")))
    thread.start()
    outlet.write(b"x" * size)
    outlet.close()
    os.close(writer)
    thread.join()
    assert sum(map(len, read)) == size
