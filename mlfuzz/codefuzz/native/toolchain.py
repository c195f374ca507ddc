"""What native code is built with: Debian's clang, and the sanitizers' runtimes that come with atheris."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

VERSIONS = range(22, 13, -1)
RUNTIMES = {"address": "asan_with_fuzzer.so", "undefined": "ubsan_with_fuzzer.so"}
"""Sanitizer -> the library that is preloaded; it holds libFuzzer too."""

INSTALL = "apt-get install --no-install-recommends"

FLAGS = {
    "address": ("-fsanitize=address,fuzzer-no-link",),
    "undefined": (
        "-fsanitize=undefined,fuzzer-no-link",
        "-fno-sanitize-recover=undefined",
        "-fno-sanitize=vptr,function",
    ),
}
SHARED_FLAGS = ("-O1", "-g", "-fno-omit-frame-pointer")
ASSERTIONS = "-O1 -g -UNDEBUG"
"""Flags of a build without a sanitizer: what the code checks itself stays."""

VARIABLES = {
    "address": (
        "ASAN_OPTIONS",
        "detect_leaks=0:allocator_may_return_null=1:symbolize=1:dedup_token_length=3:quarantine_size_mb=32",
    ),
    "undefined": ("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1:dedup_token_length=3"),
}
"""Python leaks by design; a refused allocation is an answer like any other; and freed memory that is kept back, 256 MiB
by its own default, looks like memory that an input leaves behind."""


@dataclass(frozen=True, slots=True)
class Clang:
    """One version of it. symbolizer: "" where it is not there: reports then have no names."""

    version: int
    c: str
    cxx: str
    symbolizer: str


def clang() -> Clang | None:
    """The newest that is here with its C++ half, None where there is none."""
    for version in VERSIONS:
        c, cxx = shutil.which(f"clang-{version}"), shutil.which(f"clang++-{version}")
        if c and cxx:
            symbolizer = shutil.which(f"llvm-symbolizer-{version}") or shutil.which("llvm-symbolizer")
            return Clang(version, c, cxx, symbolizer or "")
    return _unversioned()


def _unversioned() -> Clang | None:
    """What is called clang alone, as some distributions have it."""
    c, cxx = shutil.which("clang"), shutil.which("clang++")
    if not c or not cxx:
        return None
    done = subprocess.run([c, "--version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    version = re.search(r"version (\d+)", done.stdout)
    return Clang(int(version[1]), c, cxx, shutil.which("llvm-symbolizer") or "") if version else None


def compiler_flags(sanitizer: str) -> str:
    """What is compiled is instrumented; what is linked is not given a runtime, which is preloaded."""
    return " ".join((*SHARED_FLAGS, *FLAGS[sanitizer]))


def runtime(sanitizer: str) -> Path | None:
    """The library to preload, None where atheris has not brought it."""
    atheris = importlib.util.find_spec("atheris")
    if atheris is None or not atheris.origin:
        return None
    path = Path(atheris.origin).parent.parent / RUNTIMES[sanitizer]
    return path if path.is_file() else None


def mutator_library() -> str:
    """What must be preloaded too where a harness has a mutator of its own, and only there; "" where it is not there.

    A preloaded libFuzzer looks for the mutator when it is loaded, before atheris could bring it (google/atheris#54).
    """
    place = importlib.util.find_spec("atheris")
    folder = Path(place.origin).parent if place is not None and place.origin else None
    return next((str(path) for path in sorted(folder.glob("custom_mutator.*.so"))), "") if folder else ""


def variables(sanitizer: str) -> dict[str, str]:
    """The environment of a process with that sanitizer."""
    name, value = VARIABLES[sanitizer]
    found = clang()
    if found is not None and found.symbolizer:
        value += f":external_symbolizer_path={found.symbolizer}"
    return {name: value}


def missing() -> list[str]:
    """What every build lacks here, each with its remedy."""
    lacks = []
    found = clang()
    if found is None:
        lacks.append(f"clang: {INSTALL} clang-14 libclang-rt-14-dev llvm-14")
    else:
        if not found.symbolizer:
            lacks.append(f"llvm-symbolizer, which names functions in reports: {INSTALL} llvm-{found.version}")
        if not _compiler_runtime(found):
            lacks.append(f"clang's own runtimes: {INSTALL} libclang-rt-{found.version}-dev")
    lacks += [
        f"{RUNTIMES[sanitizer]}, which atheris brings: pip install 'atheris>=3,<4' (Linux on x86-64)"
        for sanitizer in RUNTIMES
        if runtime(sanitizer) is None
    ]
    return lacks


def _compiler_runtime(found: Clang) -> bool:
    """Whether clang can link a program with a sanitizer, as the builds' own checks do."""
    place = Path(found.c).resolve().parent.parent / "lib" / "clang"
    return any(re.search(r"libclang_rt\.asan", path.name) for path in place.glob("*/lib/*/libclang_rt.asan*"))
