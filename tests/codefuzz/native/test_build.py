"""Native code with a sanitizer: what is missing is said, and what a planted overflow does is told as what it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.codefuzz.native import build, toolchain
from mlfuzz.errors import TargetError, UnknownNameError

SOURCE = """
#include <stdlib.h>
#include <string.h>
int heap(const unsigned char *data, unsigned long size) {
    unsigned char *copy = malloc(8);
    int sum = 0;
    memset(copy, 0, 8);
    if (size > 2 && data[0] == 'O' && data[1] == 'K') memcpy(copy, data, size);  /* planted: there is room for 8 */
    for (int at = 0; at < 8; at++) sum += copy[at];
    free(copy);
    return sum;
}
int shifted(const unsigned char *data, unsigned long size) {
    return size ? 1 << data[0] : 0;  /* planted: no limit on the exponent */
}
"""

HARNESS = """
import ctypes
HARNESS = {{"name": "planted", "length": 64, "blind": True}}
LIBRARY = ctypes.CDLL({library!r})
def fuzz(data):
    LIBRARY.{function}(data, ctypes.c_ulong(len(data)))
"""

RIGHT = """
import zlib
def fuzz(data):
    body = data[8:]
    if len(body) >= 16 and body[-8:-4] == b"IEND" and body[-4:] == zlib.crc32(b"IEND").to_bytes(4, "big"):
        raise LookupError("a right checksum")
"""
"""A chunk's checksum, which no chance finds."""

here = pytest.mark.skipif(
    bool(toolchain.missing()) and not os.environ.get("CI"), reason="; ".join(toolchain.missing()) or "all is there"
)
"""Continuous integration installs what is missing: there these tests fail instead."""


def planted(tmp_path: Path, function: str, sanitizer: str) -> Path:
    clang = toolchain.clang()
    assert clang is not None
    library = tmp_path / "libplanted.so"
    (tmp_path / "planted.c").write_text(SOURCE)
    subprocess.run(
        [clang.c, *toolchain.compiler_flags(sanitizer).split(), "-fPIC", "-shared", "-o", str(library), "planted.c"],
        cwd=tmp_path,
        check=True,
    )
    path = tmp_path / "planted.py"
    path.write_text(HARNESS.format(library=str(library), function=function))
    return path


CASES = [
    ("heap", "address", b"OK" + bytes(30), "heap-buffer-overflow", {"access": "write", "bytes": 32}),
    ("shifted", "undefined", b"\xff", "invalid-shift", {}),
]


@here
@pytest.mark.slow
@pytest.mark.parametrize(("function", "sanitizer", "payload", "error", "details"), CASES)
def test_a_planted_bug_is_told_with_its_kind_access_and_place(function, sanitizer, payload, error, details, tmp_path):
    from mlfuzz.codefuzz.engine.default_engine import engine

    path = planted(tmp_path, function, sanitizer)
    options = Options(project=str(tmp_path), lane=build.runtime_lane(sanitizer), cache="none")
    with engine().prepare(read(path), options) as session:
        fine, outcome = session.reproduce(b"", times=1)[0], session.reproduce(payload, times=1)[0]
    assert fine.kind == "ok"
    assert outcome.kind == "sanitizer"
    assert outcome.type == error
    assert details.items() <= outcome.sanitizer.items()
    assert outcome.frames, outcome
    assert f":{function}" in " ".join(outcome.frames)
    assert "planted.c" in outcome.group


@here
@pytest.mark.slow
def test_fuzzing_finds_the_planted_overflow_and_goes_on(tmp_path):
    from mlfuzz.codefuzz.engine.default_engine import engine

    path = planted(tmp_path, "heap", "address")
    found: list[tuple[bytes, Outcome]] = []

    def keep(payload: bytes, outcome: Outcome) -> None:
        found.append((payload, outcome))

    (tmp_path / "corpus").mkdir()
    options = Options(project=str(tmp_path), lane=build.runtime_lane("address"), cache="none")
    with engine().prepare(read(path), options) as session:
        session.fuzz(
            tmp_path / "corpus", seconds=30, runs=300_000, on_failure=keep, on_progress=lambda progress: None,
            stop=lambda: bool(found),
        )  # fmt: skip
    payload, outcome = found[0]
    assert outcome.kind == "sanitizer"
    assert payload.startswith(b"OK")


@here
@pytest.mark.slow
def test_a_formats_mutator_works_with_a_preloaded_runtime(tmp_path):
    """A preloaded libFuzzer passes over atheris' mutators unless their library is preloaded too."""
    from mlfuzz.codefuzz.engine.default_engine import engine

    path = planted(tmp_path, "heap", "address")
    path.write_text(path.read_text().replace('"blind": True', '"blind": True, "mutator": "png"'))
    header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x00IENDwrong"
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "seed.png").write_bytes(header)
    path.write_text(path.read_text() + RIGHT)
    found: list[bytes] = []
    options = Options(project=str(tmp_path), lane=build.runtime_lane("address"), cache="none")
    with engine().prepare(read(path), options) as session:
        session.fuzz(
            tmp_path / "corpus", seconds=30, runs=20_000, on_failure=lambda payload, outcome: found.append(payload),
            on_progress=lambda progress: None, stop=lambda: bool(found),
        )  # fmt: skip
    assert found, "no mutant had a right checksum"


def test_packages_and_sanitizers_that_are_not_known_are_told_with_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="pillow"):
        build.build("pilow", "address", tmp_path, print)
    with pytest.raises(UnknownNameError, match="address"):
        build.build("pillow", "adress", tmp_path, print)
    assert list(tmp_path.iterdir()) == []


def test_without_clang_the_build_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetError, match=r"apt-get install .*clang"):
        build.build("pillow", "address", tmp_path / "native", print)
    assert any("cmake" in line for line in build.missing("soundfile"))


def test_a_step_that_fails_repeats_what_it_said_last(tmp_path):
    from mlfuzz.codefuzz.native.run_step import run

    lines: list[str] = []
    with pytest.raises(TargetError, match="no such header"):
        run([sys.executable, "-c", "print('no such header'); raise SystemExit(2)"], tmp_path, {}, lines.append)
    assert lines == ["no such header"]


def test_the_runtime_is_for_the_python_process_alone():
    lane = build.runtime_lane("undefined")
    assert lane.preload[0].endswith("ubsan_with_fuzzer.so")
    assert "UBSAN_OPTIONS" in lane.variables
    assert "LD_PRELOAD" not in {**os.environ, **lane.variables}
