"""The filter of system calls, and what is claimed of it."""

from __future__ import annotations

import errno
import struct

import pytest

from mlfuzz.codefuzz.runtime.sandbox import doing, filter_program, layers, watch_program
from mlfuzz.codefuzz.runtime.syscalls import FILES, LOOKS, MACHINES

ALLOWED, REFUSED, KILLED, ASKED = 0x7FFF0000, 0x00050001, 0x80000000, 0x7FC00000


def judged(code: bytes, architecture: int, number: int, argument: int = 0) -> int:
    """What the program answers to a system call: the few instructions that it uses, by hand."""
    lines = [struct.unpack("HBBI", code[at : at + 8]) for at in range(0, len(code), 8)]
    data = {0: number, 4: architecture, 16: argument}
    at, held = 0, 0
    while True:
        operation, yes, no, value = lines[at]
        if operation == 0x20:
            held = data[value]
        elif operation == 0x06:
            return value
        else:
            at += yes if held == value else no
        at += 1


@pytest.mark.parametrize("machine", MACHINES)
def test_each_listed_call_is_refused_and_others_are_not(machine):
    architecture, numbers = MACHINES[machine]
    code = filter_program(machine, 77, programs=False)
    for name, number in numbers.items():
        assert judged(code, architecture, number, 1) == REFUSED, name
    for number in set(range(500)) - set(numbers.values()):
        assert judged(code, architecture, number) == ALLOWED


def test_a_process_may_signal_itself_and_nobody_else():
    architecture, numbers = MACHINES["x86_64"]
    code = filter_program("x86_64", 77, programs=False)
    assert judged(code, architecture, numbers["kill"], 77) == ALLOWED
    assert judged(code, architecture, numbers["kill"], 78) == REFUSED


def test_without_a_process_named_signals_are_left_alone():
    architecture, numbers = MACHINES["x86_64"]
    code = filter_program("x86_64", 0, programs=False)
    assert judged(code, architecture, numbers["kill"], 78) == ALLOWED
    assert judged(code, architecture, numbers["ptrace"]) == REFUSED


def test_a_symbolizer_may_be_started_where_that_is_wanted():
    architecture, numbers = MACHINES["x86_64"]
    code = filter_program("x86_64", 77, programs=True)
    assert judged(code, architecture, numbers["execve"]) == ALLOWED
    assert judged(code, architecture, numbers["socket"]) == REFUSED


def test_calls_of_another_architecture_are_not_let_past():
    code = filter_program("x86_64", 77, programs=False)
    assert judged(code, MACHINES["aarch64"][0], 59) == KILLED


def test_no_sandbox_is_said_to_be_none():
    assert layers("none") == ("none",)
    assert "rlimits" in layers("auto")


@pytest.mark.parametrize("machine", MACHINES)
def test_a_watched_worker_asks_before_each_call_that_is_minded_and_no_other(machine):
    architecture, numbers = MACHINES[machine]
    asked = {**numbers, **FILES[machine], **LOOKS[machine]}
    code = watch_program(machine)
    for name, number in asked.items():
        assert judged(code, architecture, number) == ASKED, name
    for number in set(range(500)) - set(asked.values()):
        assert judged(code, architecture, number) == ALLOWED
    assert judged(code, 1, 59) == KILLED


def test_a_missing_file_that_the_project_has_is_the_sandboxes_doing(tmp_path):
    (tmp_path / "table.csv").touch()
    for name, deeds in (("table.csv", ["read"]), ("other.csv", []), (str(tmp_path / "table.csv"), [])):
        error = FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        assert [one["deed"] for one in doing(error, str(tmp_path), watched=True)] == deeds


def test_what_lacks_permission_is_told_where_nobody_watches_however_deep_it_lies(tmp_path):
    try:
        try:
            raise PermissionError(errno.EACCES, "Permission denied", "/a.log")
        except PermissionError:
            raise LookupError from None
    except LookupError as error:
        wrapped = ExceptionGroup("", [error])
    assert doing(wrapped, str(tmp_path), watched=False) == [{"deed": "permission", "what": "/a.log"}]
    assert doing(wrapped, str(tmp_path), watched=True) == []
