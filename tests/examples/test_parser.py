"""The demonstration's parser: it parses, it refuses, and each planted bug is there."""

from __future__ import annotations

import signal
import struct
import subprocess
import sys

import pytest

from mlfuzz.examples.parser import FormatError, parse

HEADER = b"TNSR\x01\x01\x04\x00"
END = b"E\x00\x00"

HANG = HEADER + b"N\x01\x00\x00" + END
CRASH = HEADER + b"V\x02\x00\x00\x01" + END
DIVISION = HEADER + b"Q\x05\x00\x01\x00\x00\x00\x00" + END
MEMORY = HEADER + b"F\x0c\x00" + struct.pack("<Id", (1 << 27) - 1, 0.5) + END


def test_values_of_all_chunks_follow_each_other():
    fill = b"F\x0c\x00" + struct.pack("<Id", 1, 2.0)
    view = b"B\x01\x00\x07" + b"V\x02\x00\x00\x01"
    codes = b"Q\x06\x00\x03\x00\x00\x02\x00\x01"
    assert parse(HEADER + view + codes + b"T\x01\x00a" + END).values == [7.0, 1.0]
    assert parse(HEADER + fill + view + END).values == [2.0, 7.0]


@pytest.mark.parametrize("cut", range(len(HEADER + END)))
def test_a_file_that_is_cut_off_is_refused_as_documented(cut):
    with pytest.raises(FormatError):
        parse((HEADER + END)[:cut])


def test_the_planted_exception_is_not_a_documented_one():
    with pytest.raises(ZeroDivisionError):
        parse(DIVISION)


def run(data: bytes, limit: str) -> subprocess.CompletedProcess[bytes]:
    code = f"import resource; {limit}; from mlfuzz.examples.parser import parse; parse({data!r})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)


def test_the_planted_crash_ends_the_process():
    assert run(CRASH, "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))").returncode == -signal.SIGSEGV


def test_the_planted_hang_only_ends_with_the_time():
    done = run(HANG, "import signal; signal.setitimer(signal.ITIMER_VIRTUAL, 0.3)")
    assert done.returncode == -signal.SIGVTALRM


def test_the_planted_memory_bug_asks_for_a_gibibyte():
    done = run(MEMORY, "resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))")
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith(b"MemoryError")
