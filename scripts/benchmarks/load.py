"""A loaded machine changes times, not verdicts: the default tests and the demonstrations beside busy processes.

    scripts/bench load [--load 10] [--times 2] [--cores 2] [NAME ...]

NAME is `tests`, `image`, `audio`, `text` or `code`; without one, all of them. Each runs on `cores` cores, where busy
processes keep as many runnable as `load` says, `times` times. One JSON line a run: its exit code, what failed, seconds,
and the load average that was met. Ends with 1 where anything failed: a demonstration must find what is planted.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BUSY = "while True:\n    pass"

PR_SET_PDEATHSIG = 1
"""prctl(2): no busy process outlives its bench."""

WARM_UP_SECONDS = 30.0
"""The load average is one of a minute: this long it rises before the first run."""

DEMOS = ("image", "audio", "text", "code")
FOUND = 1
"""Exit code of a demonstration through the program itself, which found faults."""

_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.M)


def main() -> int:
    """Run what is asked for beside the load."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("name", nargs="*", choices=["tests", *DEMOS, []])
    options.add_argument("--load", type=int, default=10)
    options.add_argument("--times", type=int, default=2)
    options.add_argument("--cores", type=int, default=2)
    asked = options.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.cores])
    failed = 0
    with busy(asked.load):
        time.sleep(WARM_UP_SECONDS)
        for number in range(asked.times):
            for name in asked.name or ["tests", *DEMOS]:
                failed += not _run(name, number)
    return 1 if failed else 0


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that compute."""
    libc = ctypes.CDLL(None)
    running = [
        subprocess.Popen([sys.executable, "-c", BUSY], preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        for _ in range(count)
    ]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def _run(name: str, number: int) -> bool:
    before, started = os.getloadavg()[0], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mlfuzz-load-") as folder:
        done = subprocess.run(_command(name, Path(folder)), cwd=folder, capture_output=True, text=True, check=False)
    failed = sorted(set(_FAILED.findall(done.stdout)))
    right = done.returncode == (0 if name == "tests" else FOUND)
    print(json.dumps({
        "bench": "load", "what": name, "time": number + 1, "exit_code": done.returncode, "right": right,
        "failed": failed, "last": (done.stdout.strip().splitlines() or [""])[-1][:200],
        "stderr": "" if right else done.stderr[-2000:], "seconds": round(time.monotonic() - started, 1),
        "load": [round(before, 1), round(os.getloadavg()[0], 1)],
    }), flush=True)  # fmt: skip
    return right


def _command(name: str, folder: Path) -> list[str]:
    if name == "tests":
        return [str(ROOT / "scripts/test")]
    program = shutil.which("mlfuzz", path=str(ROOT / ".venv/bin")) or "mlfuzz"
    return [program, "demo", name, "-C", str(folder)]


if __name__ == "__main__":
    sys.exit(main())
