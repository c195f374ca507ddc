"""Reports of sanitizers, read."""

from __future__ import annotations

import pytest

from mlfuzz.codefuzz.failure import sanitizer_report

ADDRESS = """noise
==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x60 at pc 0x1 bp 0x2 sp 0x3
READ of size 8 at 0x60 thread T0
    #0 0x7fa in __asan_memcpy (/usr/lib/clang/asan.so+0x4) (BuildId: aa)
    #1 0x7fb in read4B /src/libImaging/SgiRleDecode.c:25:15
    #2 0x7fc in ImagingSgiRleDecode /src/libImaging/SgiRleDecode.c:194
    #3 0x7fd in _PyEval_EvalFrameDefault (/usr/bin/python3+0x4)

0x60 is located 0 bytes inside of 16-byte region
freed by thread T0 here:
    #0 0x7fe in free (/usr/lib/clang/asan.so+0x5)
    #1 0x7ff in elsewhere /src/other.c:3:1
DEDUP_TOKEN: read4B--ImagingSgiRleDecode--x
SUMMARY: AddressSanitizer: heap-use-after-free
"""


def test_an_address_report_has_its_error_access_place_and_token():
    report = sanitizer_report.parse(ADDRESS)
    assert report is not None
    assert (report.tool, report.error) == ("AddressSanitizer", "heap-use-after-free")
    assert report.details == {"access": "read", "bytes": 8, "token": "read4B--ImagingSgiRleDecode--x"}
    assert report.frames[0] == "/src/libImaging/SgiRleDecode.c:25:read4B"
    assert not any("elsewhere" in frame or "_PyEval" in frame for frame in report.frames)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a.c:1:2: runtime error: signed integer overflow: 1 + 2 cannot be", "integer-overflow"),
        ("a.c:1:2: runtime error: left shift of negative value -1", "invalid-shift"),
        ("a.c:1:2: runtime error: division by zero", "division-by-zero"),
        ("==7==ERROR: AddressSanitizer: attempting double-free on 0x60 in thread T0:", "double-free"),
        ("==7==ERROR: AddressSanitizer: attempting free on address which was not malloc()-ed: 0x60", "bad-free"),
        ("a.c:1:2: runtime error: load of null pointer of type 'int'", "null-pointer"),
        ("a.c:1:2: runtime error: something new", "undefined-behaviour"),
        ("==1== ERROR: libFuzzer: out-of-memory (malloc(2147483648))", "out-of-memory"),
    ],
)
def test_errors_are_named(text, error):
    report = sanitizer_report.parse(f"{text}\n")
    assert report is not None
    assert report.error == error


def test_the_first_of_two_reports_counts_and_a_place_without_a_stack_is_kept():
    text = "x.c:5:1: runtime error: division by zero\n" + ADDRESS
    report = sanitizer_report.parse(text)
    assert report is not None
    assert report.frames[0].startswith("x.c:5:")


def test_ordinary_output_is_no_report():
    assert sanitizer_report.parse("ERROR: something else\n#0 x\n") is None
