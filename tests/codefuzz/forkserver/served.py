"""A process that holds a harness, for tests of either end."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from mlfuzz.codefuzz.engine.atheris_engine import environment, specification
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.engine import Options

HARNESS = """
import os, time
HARNESS = {"seconds": 20.0, "mebibytes": 64}

def fuzz(data):
    if data == b"waits":
        time.sleep(60)
    if data == b"leaves a process" and os.fork() == 0:
        time.sleep(60)
    if data == b"leaves":
        os._exit(3)
"""
VARIABLES = environment(Options(cache="none"))


def specified(folder: Path, text: str = HARNESS) -> dict[str, Any]:
    path = folder / "served.py"
    path.write_text(text)
    return specification(read(path), Options(cache="none"), atheris=False)


def gone(pid: int) -> bool:
    """Whether that process ends within a minute; one that nobody has waited for yet has ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
        except OSError:
            return True
        if state == b"Z":
            return True
        time.sleep(0.005)
    return False


def running(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")
