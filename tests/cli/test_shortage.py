"""What a machine lacks is told as that, with the line to type."""

from __future__ import annotations

import errno

import pytest

from mlfuzz.cli.shortage import shortage


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "ulimit -u"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
        (MemoryError(), "ulimit -v"),
    ],
)
def test_a_limit_of_the_machine_is_no_fault_of_mlfuzz(command, monkeypatch, tmp_path, error, line):
    def stop(_):
        raise error

    monkeypatch.setattr("mlfuzz.cli.verbs.status.campaigns", stop)
    ran = command("-C", tmp_path, "status")
    assert ran.code == 3
    assert line in ran.err
    assert "fault of mlfuzz" not in ran.err
    assert "Traceback" not in ran.err


def test_other_errors_are_none_of_these():
    assert shortage(OSError(errno.ENOENT, "gone")) == shortage(ValueError("x")) == shortage(RuntimeError("y")) == ""
