"""`mlfuzz doctor`: what this machine has, what it lacks, and what would bite. Imports nothing heavy itself."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from mlfuzz import __version__
from mlfuzz.cli.resolve.context import Here
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN
from mlfuzz.registry import outdated

Level = Literal["ok", "warn", "fail"]
MARKS: dict[Level, tuple[str, str]] = {
    "ok": ("  ok    ", "green"),
    "warn": ("  warn  ", "yellow"),
    "fail": ("  fail  ", "bold red"),
}

NEEDED = ("torch", "numpy", "faiss-cpu", "pillow", "soundfile", "msgspec", "cyclopts", "rich", "jinja2", "safetensors")
OPTIONAL = {
    "hypothesis": "strategies for property-based tests: pip install hypothesis",
    "rapidfuzz": "word error rates of speech: pip install 'mlfuzz[speech]'",
    "lark": "grammars of harnesses: pip install 'mlfuzz[grammar]'",
    "coverage": "which lines a harness reaches: pip install 'mlfuzz[code]'",
}

PROBE_SECONDS = 120

_PROBE = """
import json, re, torch, faiss
maps = open("/proc/self/maps").read() if __import__("os").path.exists("/proc/self/maps") else ""
print(json.dumps({
    "openmp": sorted(set(re.findall(r"\\S*/lib(?:gomp|iomp|omp)[^/\\s]*", maps))),
    "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    "cuda": torch.version.cuda or "",
    "cpu": torch.backends.cpu.get_cpu_capability(),
    "threads": torch.get_num_threads(),
}))
"""


class DoctorLine(NamedTuple):
    """One thing that was looked at. text: what was seen, and what to do where it is not well."""

    level: Level
    what: str
    text: str


class MachineCheck(msgspec.Struct):
    """What a process that imported torch, then faiss, saw of itself."""

    openmp: list[str] = []
    gpus: list[str] = []
    cuda: str = ""
    cpu: str = ""
    threads: int = 0
    error: str = ""


def doctor(*, context: Here) -> int:
    """Look at this machine: versions, what is missing, OpenMP, GPU, limits, disk.

    Exit code 3 where mlfuzz cannot run.
    """
    found = context.resolve()
    lines = [*packages(), *plugins(), *runtime(probe()), *atheris(), *limits(), *disk(found.state_dir)]
    context.terminal.emit([line._asdict() for line in lines])
    context.terminal.say(f"mlfuzz {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for line in lines:
        context.terminal.result(MARKS[line.level], f"{line.what:<14}{line.text}")
    return EXIT_BROKEN if any(line.level == "fail" for line in lines) else EXIT_CLEAN


def packages() -> Iterator[DoctorLine]:
    """Versions of what is needed, and what optional parts are for."""
    have = {name: _version(name) for name in (*NEEDED, *OPTIONAL)}
    missing = [name for name in NEEDED if not have[name]]
    yield DoctorLine("ok", "packages", ", ".join(f"{name} {have[name]}" for name in NEEDED if have[name]))
    if missing:
        yield DoctorLine("fail", "missing", f"{', '.join(missing)}; pip install {' '.join(missing)}")
    for name, use in OPTIONAL.items():
        if not have[name]:
            yield DoctorLine("ok", "optional", f"{name} is not installed: {use}")


def plugins() -> Iterator[DoctorLine]:
    """Distributions that declare their parts as was right for an older mlfuzz."""
    return (DoctorLine("warn", "plugin", text) for text in outdated())


def probe() -> MachineCheck:
    """Import torch and faiss in a process of its own and look at what that loaded."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE], capture_output=True, timeout=PROBE_SECONDS, check=False, text=True
        )  # -P: what lies in this folder may be a stranger's
    except subprocess.TimeoutExpired:
        return MachineCheck(error=f"importing torch and faiss took longer than {PROBE_SECONDS} s")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return MachineCheck(error=f"torch and faiss do not import: {last}")
    return msgspec.json.decode(done.stdout.strip().splitlines()[-1], type=MachineCheck)


def runtime(seen: MachineCheck) -> Iterator[DoctorLine]:
    """OpenMP, processor and GPUs."""
    if seen.error:
        yield DoctorLine("fail", "torch", seen.error)
        return
    names = [Path(path).name for path in seen.openmp]
    families = {name[: len("libgomp")].rstrip("-.5") for name in names}
    if len(families) > 1:
        yield DoctorLine(
            "warn",
            "OpenMP",
            f"{', '.join(names)} in one process: they may hang or crash each other; set OMP_NUM_THREADS=1",
        )
    else:
        yield DoctorLine(
            "ok", "OpenMP", f"{', '.join(names)}; mlfuzz imports torch first" if names else "no runtime loaded"
        )
    yield DoctorLine("ok", "processor", f"{seen.cpu}, {cpus()} processors, torch uses {seen.threads} threads")
    if seen.gpus:
        yield DoctorLine("ok", "GPU", f"{', '.join(seen.gpus)} (CUDA {seen.cuda}): --device cuda")
    else:
        why = f"torch is built for CUDA {seen.cuda}, but sees none" if seen.cuda else "torch is the CPU build"
        yield DoctorLine("ok", "GPU", f"none: {why}; campaigns run on the processor")


def atheris() -> Iterator[DoctorLine]:
    """Whether the code side can run, and if not, why."""
    have = _version("atheris")
    if have:
        yield DoctorLine("ok", "atheris", f"{have}: harnesses can be fuzzed with coverage")
    elif sys.platform != "linux" or platform.machine() != "x86_64":
        where = f"{sys.platform} {platform.machine()}"
        yield DoctorLine(
            "warn", "atheris", f"has no wheel for {where}, only for Linux x86-64; models can be fuzzed all the same"
        )
    else:
        yield DoctorLine(
            "warn", "atheris", "is not installed; pip install 'atheris>=3.0,<4'; models can be fuzzed all the same"
        )


def limits() -> Iterator[DoctorLine]:
    """Open files, address space, memory."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield DoctorLine(
        "ok" if files >= 512 else "warn", "open files", f"{files} allowed{'' if files >= 512 else ': ulimit -n 4096'}"
    )
    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    if space != resource.RLIM_INFINITY:
        yield DoctorLine(
            "warn", "memory limit", f"{space >> 20} MiB of addresses a process (ulimit -v); CUDA wants far more"
        )
    total, free = memory()
    if total:
        tight = free < 2 << 30
        yield DoctorLine("warn" if tight else "ok", "memory", f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free")


def disk(state_dir: Path) -> Iterator[DoctorLine]:
    """Room where campaigns lie."""
    folder = state_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    writable = os.access(folder, os.W_OK)
    yield DoctorLine(
        "ok" if writable else "fail", "campaigns", f"{state_dir}{'' if writable else ' cannot be written'}"
    )
    yield DoctorLine("ok" if free > 1 << 30 else "warn", "disk", f"{free / 2**30:.1f} GiB free there")


def cpus() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> tuple[int, int]:
    """(total, available) bytes; (0, 0) where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0, 0
    sizes = {line.split(":")[0]: int(line.split()[1]) << 10 for line in lines if ":" in line}
    return sizes.get("MemTotal", 0), sizes.get("MemAvailable", 0)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
