"""Whose frames a sanitizer's report shows: those of the code that Python has called, and no others."""

from __future__ import annotations

from mlfuzz.codefuzz.failure.sanitizer_report import parse

PYTHON = """\
    #2 0x7f8b83906f79  (/lib/x86_64-linux-gnu/libffi.so.8+0x6f79) (BuildId: 4b5ef0d8f602b880c279f15ed3b07bf6686ea09b)
    #3 0x7f8b83906b0c in ffi_call (/lib/x86_64-linux-gnu/libffi.so.8+0x6b0c) (BuildId: 4b5ef0d8)
    #4 0x7f8b8339c179 in _call_function_pointer /usr/src/Python-3.11.7/Modules/_ctypes/callproc.c:923:17
    #5 0x7f8b8435861c in _PyObject_MakeTpCall /usr/src/Python-3.11.7/Objects/call.c:214:18
    #6 0x7f8b84498908 in run_mod /usr/src/Python-3.11.7/Python/pythonrun.c:1731:19
"""

OVERFLOW = f"""\
something that the target printed
==17808==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000998 at pc 0x7f8b84962991 bp 0x7ffc2d207900
WRITE of size 32 at 0x602000000998 thread T0
    #0 0x7f8b84962990 in __asan_memcpy /llvm/compiler-rt/lib/asan/asan_interceptors_memintrinsics.cpp:22:3
    #1 0x7f8b839125f8 in heap /src/planted.c:8:55
{PYTHON}
DEDUP_TOKEN: __asan_memcpy--heap--
0x602000000998 is located 0 bytes after 8-byte region [0x602000000990,0x602000000998)
allocated by thread T0 here:
    #0 0x7f8b84964c7f in __interceptor_malloc /llvm/compiler-rt/lib/asan/asan_malloc_linux.cpp:69:3
    #1 0x7f8b83912542 in elsewhere /src/planted.c:5:27
"""

SHIFT = f"""\
planted.c:14:21: runtime error: shift exponent 255 is too large for 32-bit type 'int'
    #0 0x7f66df9c543f in shifted /src/planted.c:14:21
    #1 0x7f66df9c5500 in caller /src/planted.c:20:3
{PYTHON}
DEDUP_TOKEN: shifted--caller--
SUMMARY: UndefinedBehaviorSanitizer: undefined-behavior planted.c:14:21 in
"""


def test_an_overflow_is_told_with_its_access_and_the_frames_of_the_target_alone():
    report = parse(OVERFLOW)
    assert (report.tool, report.error) == ("AddressSanitizer", "heap-buffer-overflow")
    assert report.frames == ("/src/planted.c:8:heap",)
    assert report.details == {"access": "write", "bytes": 32, "token": "__asan_memcpy--heap--"}


def test_a_message_has_no_address_since_each_run_has_another():
    other = OVERFLOW.replace("0x602000000998", "0x602000000aaa")
    assert parse(other).message == parse(OVERFLOW).message


def test_undefined_behaviour_has_one_frame_for_its_place():
    report = parse(SHIFT)
    assert report.error == "invalid-shift"
    assert report.frames == ("/src/planted.c:14:shifted", "/src/planted.c:20:caller")


def test_a_place_without_a_stack_is_a_frame_all_the_same():
    assert parse(SHIFT.splitlines()[0]).frames == ("planted.c:14:?",)


def test_what_is_no_report_gives_none():
    assert parse("Traceback (most recent call last):\n  ValueError: ERROR\n") is None
