#!/usr/bin/env python3
"""Pillow's own crash corpus against an old Pillow and today's: a verdict for each file, side by side.

    scripts/pillow_crash_corpus.py [--work DIR] [--versions 8.0.1 13.0.0] [--plain]

Pillow's source archive ships the pictures that once broke it (Tests/images/crash-*, timeout-*, oom-*,
decompression_bomb*). They are taken out of it, and each is opened, loaded and converted in a process of its own, with
10 seconds and 2 GiB. A version without a wheel for this Python is built from source: with the address sanitizer where
clang is there (--plain: without), so that a damaged heap is told even where it does not crash. Building takes a minute
or two, once. JPEG 2000 is only read where libopenjp2-7-dev was there for the build.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import resource
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

from mlfuzz.codefuzz.failure import sanitizer_report
from mlfuzz.codefuzz.native import build, toolchain

SECONDS = 10
MEBIBYTES = 2048
SLOW_SECONDS = 3.0
PATTERNS = ("crash-", "crash_", "timeout-", "oom-", "decompression_bomb")

CHILD = """
import json, resource, sys, time, warnings
warnings.simplefilter("ignore")
from PIL import Image
told = {"verdict": "ok", "type": ""}
started = time.perf_counter()
try:
    with Image.open(sys.argv[1]) as picture:
        picture.load()
        picture.convert("RGB")
except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
    told = {"verdict": "refused", "type": type(error).__name__}
except BaseException as error:
    told = {"verdict": "exception", "type": type(error).__name__}
told["seconds"] = time.perf_counter() - started
told["mebibytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
print(json.dumps(told))
"""


@dataclass(frozen=True)
class Pillow:
    """One version, in a folder of its own. sanitized: built with the address sanitizer."""

    version: str
    site: Path
    sanitized: bool


@dataclass(frozen=True)
class Seen:
    """What one file did. verdict: ok, refused, exception, crash, memory error, too long."""

    verdict: str
    detail: str = ""
    seconds: float = 0.0
    mebibytes: int = 0

    def __str__(self) -> str:
        slow = f", {self.seconds:.0f} s" if self.seconds >= SLOW_SECONDS else ""
        large = f", {self.mebibytes} MiB" if self.mebibytes >= 512 else ""
        return f"{self.verdict}{f' {self.detail}' if self.detail else ''}{slow}{large}"


def pip(*arguments: str, variables: dict[str, str] | None = None) -> bool:
    # --no-cache-dir: a wheel with a sanitizer in it must never reach what others install.
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments, "--no-cache-dir"]
    return not subprocess.run(command, env={**os.environ, **(variables or {})}, capture_output=True).returncode


def corpus(work: Path, version: str) -> list[Path]:
    """The pictures, out of the source archive of that version."""
    folder = work / "images"
    if not folder.is_dir():
        archive = next(work.glob(f"[pP]illow-{version}.tar.gz"), None)
        if archive is None:
            print(f"fetching the sources of Pillow {version} (45 MB)", flush=True)
            pip("download", "--no-deps", "--no-binary", ":all:", "--dest", str(work), f"pillow=={version}")
            archive = next(work.glob(f"[pP]illow-{version}.tar.gz"))
        folder.mkdir()
        with tarfile.open(archive) as packed:
            for member in packed:
                name = Path(member.name)
                if member.isfile() and name.parent.name == "images" and name.name.startswith(PATTERNS):
                    content = packed.extractfile(member)
                    assert content is not None
                    (folder / name.name).write_bytes(content.read())
    return sorted(folder.iterdir())


def install(work: Path, version: str, *, plain: bool) -> Pillow | None:
    """The version as a wheel, else built; None where neither can be had."""
    wheel, built = work / f"{version}-wheel", work / f"{version}-{'plain' if plain else 'address'}"
    if wheel.is_dir() or pip(
        "install", "--no-deps", "--only-binary", ":all:", "--target", str(wheel), f"pillow=={version}"
    ):
        return Pillow(version, wheel, False)
    clang = toolchain.clang()
    sanitize = not plain and clang is not None and not build.missing("pillow")
    if not built.is_dir():
        print(f"building Pillow {version}{' with the address sanitizer' if sanitize else ''}", flush=True)
        variables = build.build_variables("address", clang) if sanitize and clang is not None else {}
        # The build of old versions needs the setuptools of their time.
        tools = work / "tools"
        pip("install", "--target", str(tools), "setuptools<60", "wheel<0.40")
        variables |= {"PYTHONPATH": str(tools), "SETUPTOOLS_USE_DISTUTILS": "local"}
        arguments = ("install", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--target", str(built))
        if not pip(*arguments, f"pillow=={version}", variables=variables):
            return None
    return Pillow(version, built, sanitize)


def look(pillow: Pillow, file: Path) -> Seen:
    """Open one file in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(pillow.site)}
    if pillow.sanitized:
        lane = build.runtime_lane("address")
        environment |= {**lane.variables, "LD_PRELOAD": lane.preload[0]}
    started = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(file)], env=environment, capture_output=True, timeout=SECONDS,
            preexec_fn=None if pillow.sanitized else limit,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Seen("too long", f"> {SECONDS} s")
    seconds = time.perf_counter() - started
    if report := sanitizer_report.parse(done.stderr.decode("utf-8", "replace")):
        place = report.frames[0].split(":")[-1] if report.frames else ""
        return Seen("memory error", f"{report.error} in {place}", seconds)
    if done.returncode < 0:
        return Seen("crash", signal.Signals(-done.returncode).name, seconds)
    if done.returncode or not done.stdout:
        return Seen("crash", f"exit status {done.returncode}", seconds)
    reply = json.loads(done.stdout)
    return Seen(reply["verdict"], reply["type"], reply["seconds"], reply["mebibytes"])


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEBIBYTES << 20, MEBIBYTES << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def table(files: list[Path], pillows: list[Pillow], seen: dict[tuple[str, Path], Seen]) -> str:
    """Markdown: a row for each file, and a line of counts for each version."""
    heads = [f"{one.version}{' (address sanitizer)' if one.sanitized else ''}" for one in pillows]
    lines = [f"| file | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    lines += [f"| {file.name} | {' | '.join(str(seen[one.version, file]) for one in pillows)} |" for file in files]
    for one, head in zip(pillows, heads, strict=True):
        verdicts = [seen[one.version, file] for file in files]
        counts = {
            verdict: sum(each.verdict == verdict for each in verdicts)
            for verdict in dict.fromkeys(each.verdict for each in verdicts)
        }
        slow = sum(each.seconds >= SLOW_SECONDS for each in verdicts)
        summary = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
        lines.append(f"\n{head}: {summary}; {slow} of them took {SLOW_SECONDS:.0f} s or more")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".mlfuzz") / "pillow-corpus")
    parser.add_argument(
        "--versions", nargs="+", default=["8.0.1", "13.0.0"], help="the last one's archive has the files"
    )
    parser.add_argument("--plain", action="store_true", help="build without a sanitizer")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    files = corpus(work, arguments.versions[-1])
    pillows = []
    for version in arguments.versions:
        pillow = install(work, version, plain=arguments.plain)
        if pillow is None:
            print(f"Pillow {version} has no wheel for this Python and does not build here: left out", flush=True)
        else:
            pillows.append(pillow)
    started = time.perf_counter()
    jobs = [(pillow, file) for pillow in pillows for file in files]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = dict(
            zip([(pillow.version, file) for pillow, file in jobs], pool.map(lambda job: look(*job), jobs), strict=True)
        )
    print(table(files, pillows, seen))
    print(f"\n{len(files)} files, {len(jobs)} runs in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
