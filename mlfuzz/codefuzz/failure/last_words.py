# ruff: noqa: E501 - expressions for lines as they are printed
"""What native code prints before it panics or gives up: which kind of end, where, and in which words.

A line of Python that calls into a library is where a hundred bugs of that library come out. What it says of the place,
or failing that its own words, tells them apart. Runs in the forked child and in the parent alike.

Sources: the formats of Rust's default panic hook (library/std/src/panicking.rs, before and since 1.73), libstdc++'s and
libc++abi's terminate handlers, glibc's assert and malloc, musl's assert, CPython's Py_FatalError, Go's runtime, Zig's,
Swift's and gfortran's, as they print them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlfuzz.codefuzz.failure.wording import normal

_RUST_NEW = re.compile(r"^thread '[^\n]*?' (?:\(\d+\) )?panicked at ([^'\n][^\n]*?):(\d+):(\d+):\n([^\n]*)", re.M)
_RUST_OLD = re.compile(r"^thread '[^\n]*?' panicked at '(.*?)', ([^\n']+?):(\d+):(\d+)$", re.M | re.S)
_GO = re.compile(r"^(panic|fatal error): ([^\n]*)\n(?:.*?\n)??goroutine \d+[^\n]*:\n(.*)", re.M | re.S)
_GO_FRAME = re.compile(r"^(\S[^\n]*)\(.*\)\n\s+(\S+\.go):(\d+)", re.M)
_TERMINATE = re.compile(
    r"^(?:terminate called after throwing an instance of '(?P<gnu>[^\n]*?)'(?:\n\s*what\(\):\s*(?P<what>[^\n]*))?"
    r"|libc\+\+abi(?:\.dylib)?: terminating (?:due to|with) uncaught (?:foreign )?exception(?: of type (?P<llvm>[^\n]+?))?"
    r"(?::\s+(?P<said>[^\n]*))?)$",
    re.M,
)
_STDLIB_ENDS = re.compile(
    r"^(terminate called without an active exception|terminate called recursively|pure virtual method called"
    r"|libc\+\+abi(?:\.dylib)?: (?:terminating|Pure virtual function called!)[^\n]*)",
    re.M,
)
_ASSERTS = (
    # glibc: "python3: src/x.c:12: int fn(int): Assertion `n > 0' failed."
    re.compile(r"^(?:[^\n:]*: )?(?P<file>[^\s:]+):(?P<line>\d+): (?P<function>[^\n]*?): (?P<said>Assertion [^\n]*? failed)\.?$", re.M),
    # musl: "Assertion failed: n > 0 (src/x.c: fn: 12)"
    re.compile(r"^Assertion failed: (?P<said>[^\n]*?) \((?P<file>[^\s:()]+): (?P<function>[^\n:]*): (?P<line>\d+)\)$", re.M),
    # BSD and macOS: "Assertion failed: (n > 0), function fn, file x.c, line 12."
    re.compile(r"^Assertion failed: (?P<said>[^\n]*?), function (?P<function>[^\n,]*), file (?P<file>[^\n,]+), line (?P<line>\d+)", re.M),
    # the plain order that many libraries print for themselves
    re.compile(r"^(?P<said>assertion failed): (?P<file>[^\s:]+):(?P<line>\d+): (?P<function>[^\n]*)$", re.M | re.I),
    # GLib: "ERROR:src/x.c:12:fn: assertion failed: (n > 0)"
    re.compile(r"ERROR:(?P<file>[^\s:]+):(?P<line>\d+):(?P<function>[^\n:]*): (?P<said>assertion failed[^\n]*)", re.M),
    # abseil and glog: "F0000 00:00:00.000000 12 x.cc:12] Check failed: n > 0"
    re.compile(r"^F\d{4,8} [\d:.]+\s+\d+ (?P<file>[^\s:]+):(?P<line>\d+)\] (?P<function>)(?P<said>[^\n]*)", re.M),
    # OpenCV, also as the message of what it throws: "OpenCV(4.8.0) x.cpp:12: error: (-215:Assertion failed) n in function 'f'"
    re.compile(r"OpenCV\([^)\n]*\) (?P<file>[^\s:]+):(?P<line>\d+): error: (?P<said>\([^)\n]*\))[^\n]*?in function '(?P<function>[^'\n]*)'", re.M),
    # torch, too: "n INTERNAL ASSERT FAILED at \"x.cpp\":12"
    re.compile(r"(?P<function>)(?P<said>INTERNAL ASSERT FAILED) at \"?(?P<file>[^\s:\"]+)\"?:(?P<line>\d+)", re.M),
    # Swift: "x/y.swift:12: Fatal error: Index out of range"
    re.compile(r"^(?P<file>[^\s:]+\.swift):(?P<line>\d+): (?P<function>)(?P<said>Fatal error[^\n]*)", re.M),
    # gfortran: "At line 12 of file x.f90\nFortran runtime error: Index ..."
    re.compile(r"^At line (?P<line>\d+) of file (?P<file>\S+)[^\n]*\n(?P<function>)(?P<said>Fortran runtime error[^\n]*)", re.M),
)  # fmt: skip
_ZIG = re.compile(
    r"^thread \d+ panic: (?P<said>[^\n]*)\n(?P<file>[^\s:]+):(?P<line>\d+):\d+: 0x\w+ in (?P<function>\S+)", re.M
)
_MALLOC = re.compile(
    r"^(?:\*\*\* (?:Error in `[^\n]*?': )?)?((?:malloc|free|realloc|calloc|munmap_chunk|malloc_consolidate|mremap_chunk|"
    r"_int_\w+|tcache_\w+)\(\): [^\n*]*|double free[^\n*]*|corrupted [^\n*]*|invalid (?:fastbin|pointer)[^\n*]*|"
    r"(?:stack smashing|buffer overflow|bit out of range|longjmp causes)[^\n*]*?|free\(\) [^\n*]*)"
    r"(?: \*\*\*| ?: 0x\w+|: terminated)*[^\n]*$",
    re.M,
)
_FATAL = re.compile(r"^Fatal Python error: (?:(\w+): )?([^\n]*)", re.M)
_SIGNALS = frozenset({
    "Segmentation fault", "Aborted", "Bus error", "Illegal instruction", "Floating point exception",
    "Floating-point exception",
})  # fmt: skip
"""What a fault handler writes as a fatal error is the signal by another name."""

_REGISTRY = re.compile(r"^.*/(?:registry/src/[^/]+|git/checkouts/[^/]+/[^/]+|go/pkg/mod|vendor)/")
_RUSTC = re.compile(r"^/rustc/[^/]+/")
_STANDARD = re.compile(r"^(?:library/(?:core|std|alloc|panic_\w+)/|src/lib(?:core|std|alloc)/)")
"""Rust's own: a panic there is one of whoever called, which it does not name."""


@dataclass(frozen=True, slots=True)
class LastWords:
    """runtime: whose they are ("Rust", "C++", "malloc", "assert", "Python", "Go", ...). error: its kind of error, as a
    type's name. said: in its own words. file, line, column, function: where, "" and 0 where it does not say.
    """

    runtime: str
    error: str
    said: str
    file: str = ""
    line: int = 0
    column: int = 0
    function: str = ""

    @property
    def place(self) -> str:
        """ "src/x.rs:10:5", or "" where it names no place, or only one of Rust's own."""
        if not self.file or _STANDARD.match(self.file):
            return ""
        return f"{self.file}:{self.line}" + (f":{self.column}" if self.column else "")

    @property
    def frame(self) -> str:
        """As frames are written: file, line, function."""
        return f"{self.file}:{self.line}:{self.function}" if self.place else ""

    @property
    def key(self) -> str:
        """What tells it from others: its place, else its words, without what the input may have put into them."""
        if self.runtime == "malloc":  # which check of the heap fails first is chance
            return ""
        return self.place or normal(self.said).replace(":", ";")


def parse(text: str) -> LastWords | None:
    """The last of such words in what was printed; a panic while one is handled gives way to the one before it."""
    found = [one for find in (_rust, _terminates, _asserts, _go, _zig, _malloc, _fatal) if (one := find(text))]
    return found[0] if found else None


def placed(message: str) -> LastWords | None:
    """A place of native code in an exception's message, where its library is known to put one there."""
    return _asserts(message)


def _rust(text: str) -> LastWords | None:
    panics = [(match.start(), match[2], match[3], match[4], match[1]) for match in _RUST_OLD.finditer(text)]
    panics += [(match.start(), match[1], match[2], match[3], match[4]) for match in _RUST_NEW.finditer(text)]
    if not panics:
        return None
    said = [
        LastWords("Rust", "panic", words, _short(file), int(line), int(column))
        for _, file, line, column, words in sorted(panics)
    ]
    return next((one for one in reversed(said) if one.place), said[-1])


def _terminates(text: str) -> LastWords | None:
    thrown = [*_TERMINATE.finditer(text)]
    if thrown:
        kind = thrown[-1]["gnu"] or thrown[-1]["llvm"] or "foreign exception"
        said = thrown[-1]["what"] or thrown[-1]["said"] or ""
        inside = _asserts(said)
        return LastWords("C++", kind, said, inside.file, inside.line) if inside else LastWords("C++", kind, said)
    ended = [match[1] for match in _STDLIB_ENDS.finditer(text)]
    said = next((one for one in reversed(ended) if "virtual" in one), ended[-1] if ended else "")
    return LastWords("C++", "terminate", said) if said else None


def _asserts(text: str) -> LastWords | None:
    matches = sorted((match for form in _ASSERTS for match in form.finditer(text)), key=lambda match: match.start())
    if not matches:
        return None
    last = matches[-1]
    return LastWords(
        "assert", "assertion", last["said"], _short(last["file"]), int(last["line"]), 0, _bare(last["function"])
    )


def _zig(text: str) -> LastWords | None:
    found = [*_ZIG.finditer(text)]
    if not found:
        return None
    last = found[-1]
    return LastWords("Zig", "panic", last["said"], _short(last["file"]), int(last["line"]), 0, last["function"])


def _go(text: str) -> LastWords | None:
    found = [*_GO.finditer(text)]
    if not found:
        return None
    last = found[-1]
    frames = [match for match in _GO_FRAME.finditer(last[3]) if not match[1].startswith(("runtime.", "panic"))]
    error = "panic" if last[1] == "panic" else "fatal error"
    if not frames:
        return LastWords("Go", error, last[2])
    first = frames[0]
    return LastWords("Go", error, last[2], _short(first[2]), int(first[3]), 0, first[1].rpartition("/")[2])


def _malloc(text: str) -> LastWords | None:
    found = [*_MALLOC.finditer(text)]
    if not found:
        return None
    said = found[-1][1].strip()
    return LastWords("malloc", said if said in ("stack smashing", "buffer overflow") else "heap corruption", said)


def _fatal(text: str) -> LastWords | None:
    found = [match for match in _FATAL.finditer(text) if match[2].strip() not in _SIGNALS]
    if not found:
        return None
    return LastWords("Python", "fatal error", found[-1][2].strip(), function=found[-1][1] or "")


def _short(file: str) -> str:
    """Without the folders of the machine on which it was built."""
    plain = _RUSTC.sub("", _REGISTRY.sub("", file.strip().replace("\\", "/")))
    parts = plain.split("/")
    return "/".join(parts[-3:]) if plain.startswith("/") or ":" in parts[0] else plain.removeprefix("./")


def _bare(function: str) -> str:
    """ "int ns::parse(const char *, int)" -> "ns::parse"."""
    return function.partition("(")[0].split(" ")[-1].lstrip("*&").replace(":", ".").replace("..", ".")
