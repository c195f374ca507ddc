# ruff: noqa: E501 - what programs print, as they print it
"""What native code says before it gives up, read."""

from __future__ import annotations

import pytest

from mlfuzz.codefuzz.failure.last_words import parse, placed

RUST = "thread '<unnamed>' panicked at src/parse.rs:10:5:\nindex out of bounds: the len is 3 but the index is 7\n"
GO = "\n\ngoroutine 17 [running, locked to thread]:\n"

SAID = {
    "rust since 1.73": (RUST, "Rust", "src/parse.rs:10:5"),
    "rust with a thread's number": (RUST.replace("' panicked", "' (1234) panicked"), "Rust", "src/parse.rs:10:5"),
    "rust before 1.73": (
        "thread '<unnamed>' panicked at 'called `unwrap()` on an `Err` value: X { a: 'q' }', src/parse.rs:11:5\n",
        "Rust", "src/parse.rs:11:5",
    ),
    "rust of a crate": (
        "thread 'main' panicked at /root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/regex-1.5/src/lib.rs:10:5:\nx\n",
        "Rust", "regex-1.5/src/lib.rs:10:5",
    ),
    "rust that may not unwind": (
        RUST + "thread '<unnamed>' panicked at library/core/src/panicking.rs:221:5:\npanic in a function that cannot unwind\n",
        "Rust", "src/parse.rs:10:5",
    ),
    "rust's own library": (
        "thread '<unnamed>' panicked at /rustc/9fc6b431/library/alloc/src/raw_vec.rs:24:5:\ncapacity overflow\n",
        "Rust", "capacity overflow",
    ),
    "libstdc++": (
        "terminate called after throwing an instance of 'std::out_of_range'\n  what():  at: n (which is 7) >= 3\n",
        "C++", "at; n (which is #) >= #",
    ),
    "libstdc++ without words": ("terminate called after throwing an instance of 'int'\n", "C++", ""),
    "libc++": ("libc++abi: terminating due to uncaught exception of type std::bad_alloc: std::bad_alloc\n", "C++", "std;;bad_alloc"),
    "libc++ of old": ("libc++abi.dylib: terminating with uncaught exception of type my::Error: no 7\n", "C++", "no #"),
    "a pure virtual call": ("pure virtual method called\nterminate called without an active exception\n", "C++", "pure virtual method called"),
    "glibc's assert": ("python3: src/x.c:12: int parse(const char *): Assertion `n > 0' failed.\n", "assert", "src/x.c:12"),
    "musl's assert": ("Assertion failed: n > 0 (src/x.c: parse: 12)\n", "assert", "src/x.c:12"),
    "macOS's assert": ("Assertion failed: (n > 0), function parse, file x.c, line 12.\n", "assert", "x.c:12"),
    "a library's own": ("assertion failed: file.c:12: fn\n", "assert", "file.c:12"),
    "glib": ("**\nERROR:src/x.c:12:parse: assertion failed: (n > 0)\n", "assert", "src/x.c:12"),
    "glog": ("F0000 00:00:00.000000   12 x.cc:12] Check failed: n > 0 \n", "assert", "x.cc:12"),
    "fortran": ("At line 12 of file x.f90\nFortran runtime error: Index '5' above bound of 3\n", "assert", "x.f90:12"),
    "swift": ("Swift/ContiguousArrayBuffer.swift:600: Fatal error: Index out of range\n", "assert", "Swift/ContiguousArrayBuffer.swift:600"),
    "free": ("free(): invalid pointer\n", "malloc", ""),
    "a double free": ("free(): double free detected in tcache 2\n", "malloc", ""),
    "a double free of old": ("*** Error in `python3': double free or corruption (fasttop): 0x012 ***\n", "malloc", ""),
    "malloc": ("malloc(): corrupted top size\n", "malloc", ""),
    "sizes": ("corrupted size vs. prev_size\n", "malloc", ""),
    "the stack": ("*** stack smashing detected ***: terminated\n", "malloc", ""),
    "a buffer": ("*** buffer overflow detected ***: terminated\n", "malloc", ""),
    "python": ("Fatal Python error: _Py_CheckFunctionResult: returned NULL\nPython runtime state: x\n", "Python", "returned NULL"),
    "go": (f"panic: index out of range [5] with length 3{GO}main.parse(...)\n\t/src/x.go:12 +0x1d\n", "Go", "/src/x.go:12"),
    "go through its runtime": (
        f"panic: boom{GO}panic({{0x1, 0x2}})\n\t/usr/lib/go/src/runtime/panic.go:884 +0x212\na.com/b.(*T).parse(0xc0)\n\t/src/b.go:12 +0x1d\n",
        "Go", "/src/b.go:12",
    ),
    "go that gives up": (f"fatal error: concurrent map writes{GO}runtime.throw({{0x1}})\n\t/go/panic.go:1\nmain.f()\n\t/src/x.go:9 +0x1\n", "Go", "/src/x.go:9"),
    "zig": ("thread 12 panic: index out of bounds: index 5, len 3\n/src/x.zig:12:5: 0x7f in parse (lib)\n", "Zig", "/src/x.zig:12"),
}  # fmt: skip


@pytest.mark.parametrize("which", SAID)
def test_last_words_name_their_runtime_and_a_key_without_numbers_of_the_input(which):
    text, runtime, key = SAID[which]
    words = parse(f"noise\n{text}more\n")
    assert words is not None
    assert (words.runtime, words.key) == (runtime, key)


@pytest.mark.parametrize(
    "text", ["", "all is well: 3\n", "Fatal Python error: Segmentation fault\n", "panic: calm down\n"]
)
def test_what_is_no_end_of_native_code_is_none(text):
    assert parse(text) is None


def test_the_last_of_several_panics_counts():
    assert parse(RUST + RUST.replace("parse.rs", "later.rs")).place == "src/later.rs:10:5"


def test_libraries_that_throw_put_their_place_into_the_message():
    message = "OpenCV(4.8.0) /io/opencv/imgproc/src/resize.cpp:4062: error: (-215:Assertion failed) !size.empty() in function 'resize'\n"
    assert placed(message).frame == "imgproc/src/resize.cpp:4062:resize"
    assert placed("day is out of range: 12:30:05") is None
