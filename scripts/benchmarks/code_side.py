"""What the code side's runtime costs and how often it is right: one JSON line a figure.

    python scripts/benchmarks/code_side.py                 # all but torch
    python scripts/benchmarks/code_side.py --only starts   # one of them
    python scripts/benchmarks/code_side.py --torch         # the start of torch too: a minute while nothing is kept

Ratios are taken in one run, bare and supervised in turns, by numbers of executions and not by time. Figures in wall
time hold on an idle machine: the load is printed with each.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine, AtherisSession
from mlfuzz.codefuzz.engine.fuzz_session import FLAGS
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.engine import FuzzProgress, Options

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "corpus" / "seeds" / "code"

TRIVIAL = """
HARNESS = {"name": "trivial", "length": 64}
def fuzz(data):
    return data[:1] == b"a"
"""
FIXED = """
HARNESS = {"name": "fixed", "length": 64, "allowed": ["ValueError"]}
def fuzz(data):
    total = 0
    for number in range(400):
        total += number & 7
    if len(data) % 2:
        raise ValueError(total)
"""
PILLOW = """
import io
from PIL import Image, PngImagePlugin, GifImagePlugin, BmpImagePlugin, PpmImagePlugin, JpegImagePlugin
HARNESS = {"name": "pillow", "length": 2048, "instrument": ["PIL"],
           "allowed": ["OSError", "ValueError", "SyntaxError", "PIL.Image.DecompressionBombError"]}
Image.MAX_IMAGE_PIXELS = 1 << 16
def fuzz(data):
    with Image.open(io.BytesIO(data), formats=["PNG", "GIF", "BMP", "PPM"]) as picture:
        picture.load()
"""
NUMPY = 'import io, numpy\nHARNESS = {"name": "n", "instrument": ["numpy"]}\ndef fuzz(data):\n    len(data)\n'
TORCH = 'import torch\nHARNESS = {"name": "t", "instrument": ["torch"]}\ndef fuzz(data):\n    len(data)\n'
CRASHING = """
import ctypes
from PIL import Image
HARNESS = {"name": "crashing", "length": 64}
def fuzz(data):
    if data:
        ctypes.string_at(8)
"""
LIMITS = """
import time
HARNESS = {"name": "limits", "length": 64, "seconds": 0.25, "mebibytes": 64}
def fuzz(data):
    if data[:1] == b"M":
        b"x" * (128 << 20)
    if data[:1] == b"m":
        b"x" * (8 << 20)
    if data[:1] == b"T":
        time.sleep(0.35)
    if data[:1] == b"t":
        time.sleep(0.01)
    if data[:1] == b"H":
        while True:
            pass
"""
RECORDER = """
import sys, time
sys.path[:0] = {path!r}
from mlfuzz.codefuzz.failure.expected_exceptions import Documented
from mlfuzz.codefuzz.failure.bucketing import Territory
from mlfuzz.codefuzz.runtime.flight_recorder import Flight, create
from mlfuzz.codefuzz.runtime.target_wrapper import Judge, wrap
def entry(data):
    return None
flight = Flight(create("bench"))
wrapped = wrap(entry, Judge(Documented([]), Territory([], "", []), flight, set()), frozenset())
data, rounds = b"x" * 256, 200_000
def clock(function):
    began = time.process_time()
    for _ in range(rounds):
        function(data)
    return (time.process_time() - began) / rounds * 1e6
print(min(clock(wrapped) - clock(entry) for _ in range(7)))
"""
BARE = """
import sys
import atheris
sys.path.insert(0, {folder!r})
with atheris.instrument_imports(include=[{module!r}]):
    from {module} import fuzz
def TestOneInput(data):
    try:
        fuzz(data)
    except Exception:
        pass
atheris.Setup(sys.argv, TestOneInput)
atheris.Fuzz()
"""

STORING = BARE.replace(
    "def TestOneInput(data):",
    """
import mmap
WORDS = memoryview(mmap.mmap(-1, 4096)).cast("Q")
def TestOneInput(data):
    WORDS[0] = 1
""",
)
"""Less than a recorder can do with: one word, and nothing of the input."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=sorted(FIGURES), help="a figure's name")
    parser.add_argument("--torch", action="store_true", help="the start of torch too")
    parser.add_argument("--cache", default="", help="folder of instrumented code; else one that is thrown away")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, figure in FIGURES.items():
            if name not in (arguments.only or FIGURES):
                continue
            for line in figure(Path(folder), arguments):
                print(json.dumps({"figure": name, **line, "load": round(os.getloadavg()[0], 1)}), flush=True)


def opened(folder: Path, name: str, text: str, **options: Any) -> AtherisSession:
    path = folder / f"{name}.py"
    path.write_text(text)
    return AtherisEngine().prepare(read(path), Options(**{"cache": str(folder / "cache"), **options}))


def starts(folder: Path, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Seconds from nothing to ready, first and with instrumented code kept (the best of three)."""
    subjects = {"PIL": (PILLOW, 0.2), "numpy": (NUMPY, 0.5)} | ({"torch": (TORCH, 3.0)} if arguments.torch else {})
    for name, (text, goal) in subjects.items():
        seconds, used = [], []
        for _ in range(4):
            began, before = time.perf_counter(), os.times()
            with opened(folder, f"start_{name}", text, **({"cache": arguments.cache} if arguments.cache else {})):
                seconds.append(time.perf_counter() - began)
            used.append(_children(before, os.times()))
        plain = os.times()
        subprocess.run([sys.executable, "-c", f"import {name}"], check=True)
        yield {
            "package": name, "cold": seconds[0], "warm": min(seconds[1:]), "goal": goal, "cold_cpu": used[0],
            "warm_cpu": min(used[1:]), "plain_import_cpu": _children(plain, os.times()),
        }  # fmt: skip


def recorder(folder: Path, _: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Microseconds that wrapper and recorder add to an execution of 256 bytes."""
    code = RECORDER.format(path=[str(ROOT)])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    yield {"microseconds": float(done.stdout), "goal": 1.5}


def throughput(folder: Path, _: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Executions a second of processor time, supervised over bare atheris, in turns; and edges at equal runs.

    "fixed" takes about 30 microseconds whatever the input, and half of the inputs raise what is documented; of a real
    parser each way through the inputs costs something else, by a factor of six. "trivial" shows the cost itself.
    one_store: bare atheris that stores one word a run, the bound of what can be done from Python.
    """
    for name, text, runs in (("fixed", FIXED, 60_000), ("trivial", TRIVIAL, 1_200_000)):
        (folder / f"{name}.py").write_text(text)
        bare, storing = folder / f"bare_{name}.py", folder / f"storing_{name}.py"
        bare.write_text(BARE.format(folder=str(folder), module=name))
        storing.write_text(STORING.format(folder=str(folder), module=name))
        seeds = folder / f"seeds_{name}"
        seeds.mkdir(exist_ok=True)
        (seeds / "00").write_bytes(b'{"a": [1, 2.5, "x", null]}')
        ratios, edges, stores = [], {}, []
        for turn in range(3):
            two, edges["supervised"], words = _supervised(folder, name, text, seeds, runs, turn + 1)
            one, edges["bare"] = _bare(bare, seeds, runs, turn + 1, words)
            ratios.append(two / one)
            stores.append(_bare(storing, seeds, runs, turn + 1, words)[0] / one)
        yield {
            "target": name, "ratio": statistics.median(ratios), "ratios": ratios, "edges": edges, "goal": 0.97,
            "one_store": statistics.median(stores),
        }  # fmt: skip


def _bare(script: Path, seeds: Path, runs: int, seed: int, words: Path) -> tuple[float, int]:
    """Executions a second of processor time, imports left out; edges. Same seed, seeds, words and sizes."""
    length = read(script.with_name(script.name.partition("_")[2])).length
    listed = script.with_suffix(".list")
    listed.write_text(",".join(str(path) for path in sorted(seeds.iterdir())))
    flags = [
        f"-seed={seed}",
        f"-max_len={length}",
        f"-seed_inputs=@{listed}",
        *([f"-dict={words}"] if words.exists() else []),
    ]

    def one(count: int) -> tuple[float, str]:
        with tempfile.TemporaryDirectory() as out:
            before = os.times()
            command = [sys.executable, str(script), f"-runs={count}", *FLAGS, *flags, out]
            done = subprocess.run(command, capture_output=True, text=True, errors="replace")
            return _children(before, os.times()), done.stderr

    idle, _ = one(1)
    used, printed = one(runs)
    return runs / (used - idle), max((int(found) for found in re.findall(r"cov: (\d+)", printed)), default=0)


def _supervised(folder: Path, name: str, text: str, seeds: Path, runs: int, seed: int) -> tuple[float, int, Path]:
    """The same under a session, its supervisor included."""
    words = folder / f"{name}.words"

    def one(count: int) -> tuple[float, FuzzProgress]:
        before = os.times()
        with tempfile.TemporaryDirectory() as corpus, opened(folder, name, text, seed=seed) as session:
            for path in seeds.iterdir():
                (Path(corpus) / path.name).write_bytes(path.read_bytes())
            progress = session.fuzz(
                Path(corpus), seconds=600, runs=count, on_failure=_ignore, on_progress=lambda _: None
            )
            kept = session._link.scratch / "words.dict"
            if kept.exists():
                words.write_bytes(kept.read_bytes())
        after = os.times()
        return _children(before, after) + after.user + after.system - before.user - before.system, progress

    idle, _ = one(1)
    used, progress = one(runs)
    return progress.executions / (used - idle), progress.edges, words


def _children(before: os.times_result, after: os.times_result) -> float:
    return after.children_user + after.children_system - before.children_user - before.children_system


def restarts(folder: Path, _: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Milliseconds from a native death to the next worker's first input: every input kills, the bucket is known."""
    with opened(folder, "crashing", CRASHING) as session:
        (outcome,) = session.reproduce(b"x", times=1)
        corpus = folder / "crashing_corpus"
        gaps: list[float] = []
        progress = session.fuzz(
            corpus, seconds=4, known=(outcome.bucket,), on_failure=_ignore, on_progress=lambda _: None,
            stop=lambda: len(gaps) > 1000,
        )  # fmt: skip
        yield {
            "milliseconds": 1000 * progress.seconds / max(1, progress.restarts),
            "restarts": progress.restarts,
            "goal": 20,
        }


def crashing_seeds(folder: Path, _: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Share of the time spent fuzzing with two crashing seeds in the corpus."""
    text = CRASHING.replace("if data:", 'if data[:4] in (b"SEGV", b"ABRT"):')
    corpus = folder / "two"
    corpus.mkdir(exist_ok=True)
    for name in ("SEGV", "ABRT", "fine"):
        (corpus / name).write_text(name)
    with opened(folder, "seeded", text) as session:
        progress = session.fuzz(corpus, seconds=10, on_failure=_ignore, on_progress=lambda _: None)
    yield {"share": progress.fuzzing / progress.seconds, "executions": progress.executions, "goal": 0.9}


def blame(folder: Path, _: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Share of inputs whose time and memory are judged right: half of them exceed a limit, half come close."""
    with opened(folder, "limits", LIMITS) as session:
        wanted = {b"M": "memory", b"m": "ok", b"T": "slow", b"t": "ok"}
        for letters, name in ((b"Mm", "memory"), (b"Tt", "time")):
            right = 0
            cases = [bytes([letter]) + bytes([number]) for number in range(50) for letter in letters]
            for case in cases:
                right += session.reproduce(case, times=1)[0].kind == wanted[case[:1]]
            yield {"of": name, "right": right / len(cases), "cases": len(cases), "goal": 0.99}


def hangs(folder: Path, _: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Seconds beyond the limit until a hanging input is ended while fuzzing, its stacks taken."""
    import mlfuzz.codefuzz.engine.fuzz_session as fuzzing

    late: list[float] = []
    genuine = fuzzing.FuzzSession._hang

    def timed(self: Any, slot: Any) -> None:
        since = self._since
        execute, self.runner.execute = self.runner.execute, lambda payload: Outcome(kind="ok")
        genuine(self, slot)
        self.runner.execute = execute
        late.append(time.monotonic() - since - self.runner.declaration.seconds)

    fuzzing.FuzzSession._hang = timed  # type: ignore[method-assign]
    corpus = folder / "hanging"
    corpus.mkdir(exist_ok=True)
    for number in range(12):
        (corpus / f"{number:02}").write_bytes(b"H%d" % number)
    with opened(folder, "limits", LIMITS) as session:
        session.fuzz(corpus, seconds=20, on_failure=_ignore, on_progress=lambda _: None, stop=lambda: len(late) >= 8)
    fuzzing.FuzzSession._hang = genuine  # type: ignore[method-assign]
    yield {"median": statistics.median(late), "worst": max(late), "hangs": len(late), "goal": 0.3}


def minimising(folder: Path, _: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Milliseconds to minimise what the demonstration's parser raises, and whether the bucket stayed."""
    harness = read(ROOT / "harnesses" / "demo_parser.py")
    found: list[tuple[bytes, Outcome]] = []
    with AtherisEngine().prepare(harness, Options(project=str(ROOT), cache=str(folder / "cache"))) as session:
        corpus = folder / "demo"
        corpus.mkdir(exist_ok=True)
        for path in (SEEDS / "demo_parser").iterdir():
            (corpus / path.name).write_bytes(path.read_bytes())
        session.fuzz(
            corpus, seconds=15, on_failure=lambda data, outcome: found.append((data, outcome)),
            on_progress=lambda _: None, stop=lambda: any(one.kind == "exception" for _, one in found),
        )  # fmt: skip
        raised = [(data, one) for data, one in found if one.kind == "exception"]
        cases = [(data + bytes(range(extra)), one) for data, one in raised for extra in range(0, 200, 10)]
        taken, kept = [], 0
        for data, outcome in cases:
            began = time.perf_counter()
            smaller = session.minimise(data, outcome.bucket, seconds=10)
            taken.append(1000 * (time.perf_counter() - began))
            kept += session.reproduce(smaller, times=1)[0].bucket == outcome.bucket
    if cases:
        yield {"median_ms": statistics.median(taken), "kept": kept / len(cases), "cases": len(cases), "goal_ms": 50}


def replays(folder: Path, _: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Inputs a second: each alone in a fork, and many in one worker."""
    files = [path for path in sorted((SEEDS / "image_pillow").iterdir()) if path.is_file()]
    with opened(folder, "pillow", PILLOW) as session:
        began = time.perf_counter()
        for _ in range(10):
            for path in files:
                session.reproduce(path.read_bytes(), times=1)
        alone = 10 * len(files) / (time.perf_counter() - began)
        began = time.perf_counter()
        session.screen(files * 20)
        many = 20 * len(files) / (time.perf_counter() - began)
    yield {"alone": alone, "in_series": many, "goal": 100}


def supervisor(folder: Path, _: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Mebibytes of a process that holds a session."""
    (folder / "trivial.py").write_text(TRIVIAL)
    code = f"""
from pathlib import Path
from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.engine import Options
with AtherisEngine().prepare(read(Path({str(folder / "trivial.py")!r})), Options(cache="none")) as session:
    session.fuzz(Path({str(folder / "s")!r}), seconds=1, on_failure=print, on_progress=lambda _: None)
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    yield {"mebibytes": int(done.stdout.split()[-1]) / 1024, "goal": 40}


def _ignore(*_: object) -> None:
    return None


FIGURES: dict[str, Callable[[Path, argparse.Namespace], Iterator[dict[str, Any]]]] = {
    "starts": starts, "recorder": recorder, "throughput": throughput, "restarts": restarts,
    "crashing_seeds": crashing_seeds, "blame": blame, "hangs": hangs, "minimising": minimising, "replays": replays,
    "supervisor": supervisor,
}  # fmt: skip


if __name__ == "__main__":
    main()
