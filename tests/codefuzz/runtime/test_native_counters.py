"""Counters of native code, read out of a library that was made by hand."""

from __future__ import annotations

import ctypes
import shutil
import subprocess

import pytest

from mlfuzz.codefuzz.runtime.native_counters import FIRST_EDGE, Native

SOURCE = """
static unsigned char counters[8] __attribute__((section("__sancov_cntrs"), used));
int work(const unsigned char *data) { counters[1]++; if (data[0] == 'a') counters[5]++; return counters[5]; }
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="a C compiler is missing")
def test_the_edges_that_an_input_reaches_are_read_and_cleared(tmp_path):
    (tmp_path / "work.c").write_text(SOURCE)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "libwork.so", "work.c"], cwd=tmp_path, check=True)
    library = ctypes.CDLL(str(tmp_path / "libwork.so"))
    native = Native()
    native.clear()
    assert native.reached() == []
    library.work(b"b")
    first = native.reached()
    library.work(b"a")
    second = native.reached()
    assert len(first) == 1
    assert len(second) == 2
    assert second[1] - second[0] == 4
    assert min(second) >= FIRST_EDGE
    native.clear()
    assert native.reached() == []


def test_a_process_without_such_libraries_has_none_and_says_so():
    assert isinstance(Native().reached(), list)
