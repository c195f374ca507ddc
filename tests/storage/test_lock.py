import os
import socket
import subprocess
import sys

import pytest

from mlfuzz.errors import CampaignBusyError, StorageError
from mlfuzz.storage.lock import Lock, die_with_parent, holder

HOLD = """
import sys
from pathlib import Path
from mlfuzz.storage.lock import Lock
lock = Lock.acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""

ORPHANS = """
import os, subprocess, sys
from pathlib import Path
from mlfuzz.storage.lock import Lock, die_with_parent
lock = Lock.acquire(Path(sys.argv[1]))
me = os.getpid()
forked = os.fork()
if forked == 0:
    die_with_parent(me)
    os.write(1, b"forked\\n")
    sys.stdin.read()
    os._exit(0)
os.write(1, b"%d %d\\n" % (subprocess.Popen(["sleep", "60"], close_fds=False).pid, forked))
sys.stdin.read()
"""


def start(script, path):
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def end(process):
    process.kill()
    process.communicate()


def test_a_second_process_is_refused_with_pid_and_host_of_the_first(tmp_path):
    path = tmp_path / "lock"
    first = start(HOLD, path)
    try:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(CampaignBusyError, match=rf"process {first.pid} on {socket.gethostname()}"):
            Lock.acquire(path)
        seen = holder(path)
        assert seen is not None
        assert seen.pid == first.pid
    finally:
        end(first)
    with Lock.acquire(path):
        assert holder(path).pid == os.getpid()
    assert holder(path) is None


def test_children_of_a_killed_holder_keep_nothing_locked(tmp_path):
    path = tmp_path / "lock"
    first = start(ORPHANS, path)
    lines = sorted([first.stdout.readline(), first.stdout.readline()])
    sleeper = int(lines[0].split()[0])
    first.kill()
    first.wait()
    try:
        Lock.acquire(path).release()
    finally:
        os.kill(sleeper, 9)
        first.communicate()  # ends when the forked child has died with its parent and its end of the pipe is closed


def test_a_lock_may_be_released_twice_and_taken_again(tmp_path):
    lock = Lock.acquire(tmp_path / "lock")
    lock.release()
    lock.release()
    Lock.acquire(tmp_path / "lock").release()


def test_a_child_whose_parent_is_gone_already_ends_at_once():
    child = os.fork()
    if child == 0:
        die_with_parent(os.getpid())  # not its parent's pid
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_a_lock_in_a_folder_that_is_not_there_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match="lock"):
        Lock.acquire(tmp_path / "nowhere" / "lock")
    assert holder(tmp_path / "nowhere" / "lock") is None
