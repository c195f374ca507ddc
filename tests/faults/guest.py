"""A small project whose names few terminals can show, and one command run in it, in surroundings that are set."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import specimen

from mlfuzz.findings.finding import dumps
from mlfuzz.findings.store import FindingStore

NAMES = ("café", "naïve", "漢字", "\U0001f600")
CAMPAIGN = "digits-fragile"
LIMIT_SECONDS = 240.0

FOLDER = "@folder@"
"""In a variable: the folder of the case. What root is told to write elsewhere stays there for the tests to come."""

NEVER = -999
"""In place of an exit code: it had to be killed."""

TARGET = """
import mlfuzz
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool, self.act, self.fc = nn.AdaptiveAvgPool2d(2), nn.ReLU(), nn.Linear(4, 4)
        with torch.no_grad():
            self.fc.weight.copy_(torch.eye(4) * 10)
            self.fc.bias.zero_()

    def forward(self, x):
        return self.fc(self.act(self.pool(x)).flatten(1))


def make():
    return mlfuzz.ModuleTarget("quad", mlfuzz.Image(size=(8, 8)), Net(), labels=%r)
"""

HARNESS = """
HARNESS = {"name": "spell", "seeds": "letters", "instrument": ["spelling"], "sandbox": "off"}

import spelling


def fuzz(data):
    spelling.parse(data)
"""

LIBRARY = """
def parse(data):
    if data not in (b"", b"bcd"):
        raise KeyError("caf\\xe9 \\u6f22\\u5b57 \\U0001f600")
"""

VERBS: Mapping[str, tuple[tuple[str, ...], frozenset[int]]] = {
    "help": (("--help",), frozenset({0})),
    "mistyped": (("statüs",), frozenset({2})),
    "status": (("status",), frozenset({0})),
    "findings list": (("findings", "list"), frozenset({0})),
    "findings show": (("findings", "show", "@"), frozenset({0})),
    "report": (("report", CAMPAIGN), frozenset({0})),
    "list mutators": (("list", "mutators"), frozenset({0})),
    "config show": (("config", "show", "-v"), frozenset({0})),
    "harness list": (("harness", "list"), frozenset({0})),
    "replay": (("replay", "@"), frozenset({0, 1})),
    "check": (("check", "zoo:make", "--seeds", "seeds"), frozenset({0})),
    "fuzz": (
        ("fuzz", "zoo:make", "--seeds", "seeds", "--inputs", "300", "--batch", "32", "--name", "c"),
        frozenset({0, 1}),
    ),
    "harness run": (("harness", "run", "spell", "--inputs", "500", "--name", "h"), frozenset({1})),
}
"""By name: arguments ("@": an id), and how it may end where nothing is in its way."""

BAD = re.compile(
    r"^Traceback \(most recent call last\)|this is a fault of mlfuzz|mlfuzz failed:|Exception ignored", re.MULTILINE
)


@dataclass
class Surroundings:
    """Of one command. before: run in the child between fork and exec; python: options of it; through: the command that
    starts it.

    variables: added to the environment; None takes one away. within: the folder it runs in.
    """

    variables: Mapping[str, str | None] = field(default_factory=dict)
    before: Callable[[], None] | None = None
    python: Sequence[str] = ()
    program: Sequence[str] = ("-m", "mlfuzz")
    through: Sequence[str] = ()
    within: str = "."


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def traceback(self) -> str:
        """The first lines that no user should see."""
        text = self.out + self.err
        found = BAD.search(text)
        return " ".join(text[found.start() : found.start() + 3000].split())[-600:] if found else ""


def make(folder: Path) -> str:
    """The project; the id of a finding in it."""
    workdir = specimen.build(folder / ".mlfuzz", name=CAMPAIGN)
    store = FindingStore(workdir.findings)
    finding = next(one for one in store.records() if one.verdict == "confirmed" and one.kind == "label")
    changed = msgspec.structs.replace(
        finding, expected=NAMES[0], observed=f"{NAMES[2]}{NAMES[3]}", seed_name=f"{NAMES[1]}/0.png", note=NAMES[0]
    )
    (workdir.finding(finding.id) / "finding.json").write_bytes(dumps(changed))
    (folder / "zoo.py").write_text(TARGET % (NAMES,))
    (folder / "spelling.py").write_text(LIBRARY)
    (folder / "harnesses").mkdir()
    (folder / "harnesses" / "spell.py").write_text(HARNESS)
    (folder / "letters").mkdir()
    (folder / "letters" / "b").write_bytes(b"bcd")
    pictures(folder / "seeds")
    return finding.id


def pictures(folder: Path) -> None:
    """Four classes: which quarter is bright; one file has a name that is no UTF-8."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for label, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for number in range(2):
            pixels = rng.integers(0, 60, (8, 8), dtype=np.uint8)
            y, x = divmod(label, 2)
            pixels[4 * y : 4 * y + 4, 4 * x : 4 * x + 4] += 150
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    os.rename(os.fsencode(folder / NAMES[0] / "1.png"), os.fsencode(folder / NAMES[0]) + b"/\xe9\xff.png")


def arguments(verb: str, identity: str) -> list[str]:
    return [identity if one == "@" else one for one in VERBS[verb][0]]


def environment(variables: Mapping[str, str | None], folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFUZZ_", "PYTEST_", "COLUMNS"))}
    mixed = {
        **kept, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CACHE_HOME": str(folder / "cache"), **variables,
    }  # fmt: skip
    return {name: value.replace(FOLDER, str(folder)) for name, value in mixed.items() if value is not None}


def command(words: Sequence[str], around: Surroundings) -> list[str]:
    return [*around.through, sys.executable, *around.python, *around.program, *words]


def run(
    folder: Path, words: Sequence[str], around: Surroundings, *, limit: float = LIMIT_SECONDS, **streams: object
) -> Ended:
    """To the end, with both outputs read as they come. streams: of subprocess.Popen."""
    given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    process = subprocess.Popen(
        command(words, around), cwd=folder / around.within, env=environment(around.variables, folder),
        start_new_session=True, preexec_fn=around.before, **given,  # type: ignore[call-overload]
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        return Ended(NEVER, _text(out), _text(err))
    return Ended(process.returncode, _text(out), _text(err))


def on_terminal(folder: Path, words: Sequence[str], around: Surroundings, *, limit: float = LIMIT_SECONDS) -> Ended:
    """On a terminal of its own; what it printed is all in `out`."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(words, around), cwd=folder / around.within, env=environment(around.variables, folder),
        start_new_session=True, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=around.before,
    )  # fmt: skip
    os.close(theirs)
    said, deadline = b"", time.monotonic() + limit
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 0.2)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # the other side is closed
            break
        said += part
    os.close(ours)
    try:
        code = process.wait(max(1.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        code = NEVER
    return Ended(code, _text(said), "")


def unreadable(text: str) -> str:
    """Why it is no JSON, line by line; "" where it is."""
    for line in text.splitlines():
        try:
            json.loads(line)
        except ValueError as error:
            return f"{error}: {line[:200]}"
    return ""


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")
