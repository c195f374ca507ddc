"""Reports of sanitizers: what kind of error, where, by which access."""

from __future__ import annotations

import re
from typing import Any

import msgspec

HEADER = re.compile(r"ERROR: (\w+Sanitizer): ([\w-]+)(.*)")
MEMORY = re.compile(r"ERROR: libFuzzer: out-of-memory \((malloc\(\d+\)|[^)]*)\)")
UNDEFINED = re.compile(r"^(\S+?):(\d+):(\d+): runtime error: (.*)$", re.MULTILINE)
FRAME = re.compile(r"^\s+#(\d+) 0x[0-9a-f]+ (?:in (\S.*?) )?(\S+?)(?::(\d+))?(?::(\d+))?(?: \(BuildId.*)?$")
ACCESS = re.compile(r"^(READ|WRITE) of size (\d+)", re.MULTILINE)
TOKEN = re.compile(r"^DEDUP_TOKEN: (.*)$", re.MULTILINE)
RUNTIME = re.compile(
    r"^(__asan|__ubsan|__interceptor|__sanitizer|_PyEval|_PyObject|PyObject|PyEval|Py_|_Py|_start|__libc|fuzzer::|"
    r"LLVMFuzzer|PyCFunction|PyRun|PyVectorcall|cfunction|method_|type_call|object_|ffi_call|vectorcall|main$|abort$|"
    r"raise$|gsignal|mem(cpy|move|set|cmp)|str(len|cpy|cmp)|malloc$|calloc$|realloc$|free$|operator (new|delete))"
)
INTERPRETER = re.compile(r"ffi_call|cffi|cdata_call|_ctypes|slot_|method|_?Py[A-Z_]|pybind11|atheris|fuzzer::")
"""What has called the code under test: frames from there on are Python's and the fuzzer's own."""

BEGUN = re.compile(rb"Sanitizer:DEADLYSIGNAL|ERROR: \w+Sanitizer: |:\d+:\d+: runtime error: ")
REPORT_SECONDS = 30.0
"""How long a process may take to write its report: it starts a program that looks up symbols, and waits for it. Of its
own time; what it has not written by then is left out."""

ATTEMPT = "attempting"
"""How the address sanitizer begins what it says of a wrong free; once that was its name here."""

ADDRESS = re.compile(r"0x[0-9a-f]{6,}")

KINDS = (
    ("shift exponent", "invalid-shift"), ("left shift", "invalid-shift"),
    ("signed integer overflow", "integer-overflow"),
    ("out of bounds", "index-out-of-bounds"), ("null pointer", "null-pointer"), ("misaligned", "misaligned-address"),
    ("division by zero", "division-by-zero"), ("outside the range of representable values", "float-cast-overflow"),
    ("not a valid value", "invalid-value"), ("overflowed to", "pointer-overflow"), ("negation of", "integer-overflow"),
)  # fmt: skip


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One report. frames: "file:line:function", innermost first, the runtime's own left out."""

    tool: str
    error: str
    message: str
    frames: tuple[str, ...] = ()
    details: dict[str, Any] = {}


def parse(text: str) -> Report | None:
    """The first report in what a process printed; None where there is none."""
    header, undefined = HEADER.search(text), UNDEFINED.search(text)
    if memory := MEMORY.search(text):
        frames = _frames(text[memory.end() :])
        return Report(tool="libFuzzer", error="out-of-memory", message=memory[1], frames=frames)
    if undefined and (header is None or undefined.start() < header.start()):
        place = f"{undefined[1]}:{undefined[2]}"
        error = next((name for words, name in KINDS if words in undefined[4]), "undefined-behaviour")
        frames = _frames(text[undefined.end() :])
        if not frames or f"/{place}:" not in f"/{frames[0]}":
            frames = (f"{place}:{_function(frames, undefined[1])}", *frames)
        return Report(
            tool="UndefinedBehaviorSanitizer", error=error, message=undefined[4], frames=frames, details=_details(text)
        )
    if header is None:
        return None
    after = text[header.end() :]
    return Report(
        tool=header[1],
        error=_wrong_free(header[3]) if header[2] == ATTEMPT else header[2],
        message=ADDRESS.sub("0x..", header[2] + header[3])[:400],  # an address is another one in each run
        frames=_frames(after),
        details=_details(after),
    )


def _wrong_free(words: str) -> str:
    """ "attempting double-free on 0x..", "attempting free on address which was not malloc()-ed": two faults."""
    return "double-free" if words.startswith(" double-free") else "bad-free"


def begun(printed: bytes) -> bool:
    """Whether a process has begun to write a report: it has crashed, and does not hang."""
    return BEGUN.search(printed) is not None


def _details(text: str) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if access := ACCESS.search(text):
        details |= {"access": access[1].lower(), "bytes": int(access[2])}
    if token := TOKEN.search(text):
        details["token"] = token[1].strip()
    return details


def _frames(text: str) -> tuple[str, ...]:
    """The first stack after the heading."""
    frames: list[str] = []
    previous = -1
    for line in text.splitlines():
        match = FRAME.match(line)
        if match is None:
            if previous >= 0:
                break
            continue
        if int(match[1]) <= previous:
            break
        previous = int(match[1])
        function = match[2] or "?"
        if frames and INTERPRETER.match(function):
            break
        if not RUNTIME.match(function) and len(frames) < 40:
            frames.append(f"{match[3].strip('()')}:{match[4] or 0}:{function}")
    return tuple(frames)


def _function(frames: tuple[str, ...], file: str) -> str:
    return next((frame.rpartition(":")[2] for frame in frames if frame.startswith(file)), "?")
