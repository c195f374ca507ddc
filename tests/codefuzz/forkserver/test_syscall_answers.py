"""Calls that a sandbox would refuse, answered: of this very process, whose memory can be read as a worker's can."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

import pytest

from mlfuzz.codefuzz.failure.sandbox_refusal import Refusal
from mlfuzz.codefuzz.forkserver.syscall_answers import (
    AT_FDCWD,
    DONE,
    PROCEED,
    REMOVE_FOLDER,
    SyscallAnswers,
    SyscallRequest,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="seccomp and Landlock are Linux's")

HERE = AT_FDCWD & 0xFFFFFFFF
TO_CHANGE = os.O_RDWR | os.O_CREAT


@pytest.fixture
def answers(tmp_path):
    (tmp_path / "work").mkdir()
    return SyscallAnswers(str(tmp_path / "work"), files=True, programs=False)


def asked(answers, name, *arguments):
    """The answer to a call with these arguments; paths and texts as such."""
    kept = [ctypes.create_string_buffer(os.fsencode(one)) if not isinstance(one, int) else one for one in arguments]
    numbers = [one if isinstance(one, int) else ctypes.addressof(one) for one in kept]
    return answers.answer(SyscallRequest(os.getpid(), os.getpid(), name, (*numbers, *[0] * (6 - len(numbers)))))


def test_what_is_written_outside_goes_to_a_file_without_a_name(answers, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"keep")
    answer = asked(answers, "openat", HERE, victim, os.O_RDWR)
    assert os.read(answer.file, 9) == b"keep"
    os.write(answer.file, b" and more")
    os.close(answer.file)
    assert victim.read_bytes() == b"keep"
    assert list(answers.notes) == [Refusal("write", str(victim), pretended=True)]


def test_a_new_file_is_there_once_and_its_folder_stays_empty(answers, tmp_path):
    os.close(asked(answers, "openat", HERE, tmp_path / "new", TO_CHANGE | os.O_EXCL).file)
    assert asked(answers, "openat", HERE, tmp_path / "new", TO_CHANGE | os.O_EXCL).error == errno.EEXIST
    assert asked(answers, "unlinkat", HERE, tmp_path / "new", 0) == DONE
    assert sorted(os.listdir(tmp_path)) == ["work"]


def test_folders_made_by_pretence_hold_files_and_are_not_there(answers, tmp_path):
    assert asked(answers, "mkdirat", HERE, tmp_path / "a", 0o777) == DONE
    assert asked(answers, "mkdirat", HERE, tmp_path / "a", 0o777).error == errno.EEXIST
    assert asked(answers, "mkdirat", HERE, tmp_path / "a" / "b", 0o777) == DONE
    os.close(asked(answers, "openat", HERE, tmp_path / "a" / "b" / "c", TO_CHANGE).file)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("openat", (HERE, "/not-there-at-any-time/at/all", TO_CHANGE)),
        ("openat", (HERE, "/etc/hostname-that-is-not-there", os.O_RDWR)),
        ("openat", (HERE, "/etc", os.O_RDWR)),
        ("openat", (HERE, "/dev/null", os.O_WRONLY)),
        ("openat", (HERE, "/dev/stdout", os.O_WRONLY)),
        ("openat", (HERE, f"/proc/self/fd/{2}", os.O_WRONLY)),
        ("mkdirat", (HERE, "/etc", 0o777)),
        ("unlinkat", (HERE, "/not-there-at-any-time", 0)),
        ("renameat", (HERE, "/not-there-at-any-time", HERE, "/tmp/there")),
        ("execve", ("/not-there-at-any-time/true", 0, 0)),
        ("kill", (os.getpid(), 0)),
        ("kill", (0, 0)),
        ("kill", ((1 << 22) + 1, 0)),
    ],
)
def test_what_works_or_fails_without_a_sandbox_too_is_left_to_the_kernel(answers, name, arguments):
    assert asked(answers, name, *arguments) == PROCEED
    assert not answers.notes


def test_its_own_folder_is_no_pretence_whatever_the_path_looks_like(answers, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "work")
    for path in (tmp_path / "work" / "x", tmp_path / "link" / "x", tmp_path / "work" / ".." / "work" / "x"):
        assert asked(answers, "openat", HERE, path, TO_CHANGE) == PROCEED
    (tmp_path / "work" / "out").symlink_to(tmp_path / "outside")
    os.close(asked(answers, "openat", HERE, tmp_path / "work" / "out", TO_CHANGE).file)
    assert not (tmp_path / "outside").exists()


def test_removing_says_what_the_kernel_would_say(answers, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_bytes(b"")
    assert asked(answers, "unlinkat", HERE, tmp_path / "full", 0).error == errno.EISDIR
    assert asked(answers, "unlinkat", HERE, tmp_path / "full", REMOVE_FOLDER).error == errno.ENOTEMPTY
    assert asked(answers, "unlinkat", HERE, tmp_path / "full" / "file", REMOVE_FOLDER).error == errno.ENOTDIR
    assert asked(answers, "unlinkat", HERE, tmp_path / "full" / "file", 0) == DONE
    assert (tmp_path / "full" / "file").exists()


@pytest.mark.parametrize(
    ("name", "arguments", "deed"),
    [("socket", (2, 1, 0), "network"), ("ptrace", (0, 0, 0), "call"), ("kill", (1, 0), "signal")],
)
def test_what_cannot_be_pretended_is_refused_and_noted(answers, name, arguments, deed):
    assert asked(answers, name, *arguments).error == errno.EPERM
    (note,) = answers.notes
    assert (note.deed, note.pretended) == (deed, False)


def test_a_program_runs_only_where_its_writes_are_held_too(answers, tmp_path):
    assert asked(answers, "execve", sys.executable, 0, 0) == PROCEED
    assert [(one.deed, one.pretended) for one in answers.notes] == [("program", True)]
    loose = SyscallAnswers(str(tmp_path / "work"), files=False, programs=False)
    assert asked(loose, "execve", sys.executable, 0, 0).error == errno.EPERM
    assert asked(loose, "openat", HERE, tmp_path / "new", TO_CHANGE) == PROCEED


def test_a_text_that_cannot_be_read_is_an_error_and_no_guess(answers):
    with pytest.raises(OSError, match=r"."):
        asked(answers, "mkdirat", HERE, 8, 0o777)


@pytest.mark.parametrize(
    ("name", "made"), [("newfstatat", "new"), ("faccessat", "new"), ("openat", "new"), ("openat", ".")]
)
def test_whoever_looks_for_what_was_pretended_sees_through_it(answers, tmp_path, name, made):
    asked(answers, name, HERE, tmp_path / made, 0)
    os.close(asked(answers, "openat", HERE, tmp_path / "new", TO_CHANGE).file)
    assert [one.pretended for one in answers.notes] == [True]
    asked(answers, "newfstatat", HERE, tmp_path / "another", 0)
    asked(answers, "newfstatat", HERE, "", 0)
    assert [one.pretended for one in answers.notes] == [True]
    assert asked(answers, name, HERE, tmp_path / made, 0) == PROCEED
    assert [one.pretended for one in answers.notes] == [False]
