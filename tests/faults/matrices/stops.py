"""Requests to end, at every instant and in every phase: of campaigns of both sides, and of the other long verbs.

A case: side or verb / phase or instant / workers / what is sent, and to whom.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from itertools import cycle
from pathlib import Path

from faults.processes import Command, busy, parts
from faults.subjects import project

from mlfuzz.cli.main import main
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.findings.store import FindingStore
from mlfuzz.progress import read_stats
from mlfuzz.storage.workdir import Workdir

PROMISE = "A request to end is acknowledged within a second and ends within ten, with everything saved."

ACKNOWLEDGED, ENDED = 1.0, 10.0
"""Seconds, on an idle machine."""

MODEL = (
    "start", "import-sleep", "import-c", "import-handlers", "import-ignores", "import-swallows", "call-1", "call-3",
    "call-6", "run", "handlers", "batch", "death", "autopsy", "confirm",
)  # fmt: skip
HARNESS = ("start", "import-sleep", "input", "run")
SENT = (
    "INT", "INT group", "TERM", "TERM group", "HUP", "HUP group", "stop", "INT+INT group", "TERM+INT", "HUP+TERM group",
)  # fmt: skip
WORKERS = (1, 2, 4)
INSTANTS = 100
LIFE = 12.0
"""Seconds over which the instants are spread, on an idle machine: more than a campaign takes to come to its batches."""

VERBS = {
    "check import": ("import-sleep", "check quad"),
    "check import in C": ("import-c", "check quad"),
    "check swallowed": ("import-swallows", "check quad"),
    "check call": ("call-2", "check quad"),
    "demo": ("", "demo image --time 60s"),
    "demo code": ("", "demo code --time 60s"),
    "harness coverage": ("import-sleep", "harness coverage lines"),
    "replay": ("confirm", "replay --name c"),
    "shrink": ("confirm", "shrink --name c"),
    "report": ("", "report c"),
    "pytest": ("run", "pytest"),
}
FROM_THERE = ("replay", "shrink", "report", "pytest")
"""Those that need a campaign's findings."""


def cases() -> list[str]:
    """Phases of the model side with each number of workers, of harnesses, the verbs, odd surroundings, instants."""
    sent = cycle(SENT)
    found = [f"model / {phase} / {workers} / {next(sent)}" for phase in MODEL for workers in WORKERS]
    found += [f"model / {phase} / 1 / {one}" for phase in ("import-sleep", "run") for one in SENT]
    found += [f"harness / {phase} / {workers} / {next(sent)}" for phase in HARNESS for workers in WORKERS]
    found += [f"harness / run / 1 / {one}" for one in SENT]
    signals = cycle(one for one in SENT if one != "stop")
    found += [f"verb / {verb} / 1 / {next(signals)}" for verb in VERBS]
    found += ["model / old request / 1 / none", "model / closed stdout / 1 / none", "model / unread stdout / 1 / INT"]
    kinds = cycle((("model", 1), ("model", 2), ("harness", 1), ("model", 4), ("harness", 2)))
    for number, (side, workers) in zip(range(INSTANTS), kinds, strict=False):
        found.append(f"{side} / instant {number:02d} / {workers} / {next(signals)}")
    return list(dict.fromkeys(found))


def broken(case: str, folder: Path) -> str:
    """What went wrong: too late, the wrong exit code, a traceback, something left running or lying about, or lost."""
    side, phase, workers, sent = case.split(" / ")
    project(folder)
    if phase == "old request":
        return _old_request(folder)
    if phase in ("closed stdout", "unread stdout"):
        return _nobody_reads(folder, closed=phase == "closed stdout")
    inside, arguments = _command(side, phase, workers)
    if phase in FROM_THERE:
        _found(folder)
    if phase == "pytest":
        main(["-C", str(folder), "-q", "findings", "promote", "--name", "c", "--no-replay"])
    more = {"PHASE": inside, "PYTHONPATH": str(folder)}
    with Command(arguments, folder, more, held=phase != "pytest") as command:
        if wrong := _wait(command, phase, inside, case):
            return wrong
        wrong = _asked(command, sent, silent=phase == "pytest") or _left(command, folder)
        return wrong or (_unreported(command, folder) if side != "verb" and "+" not in sent else "")


def _command(side: str, phase: str, workers: str) -> tuple[str, list[str]]:
    """(the phase that the code under test knows, the command)."""
    if side == "verb":
        inside, text = VERBS[phase]
        if text == "pytest":
            return inside, ["pytest", "-q", "-p", "no:cacheprovider", "corpus", "--mlfuzz-time", "60s"]
        return inside, ["mlfuzz", *text.split()]
    inside = "" if phase.startswith(("start", "instant")) else phase
    verb = ["fuzz", "quad"] if side == "model" else ["harness", "run", "lines", "--sandbox", "off"]
    return inside, ["mlfuzz", *verb, "--name", "c", "--time", "300s", "--workers", workers]


def _wait(command: Command, phase: str, inside: str, case: str) -> str:
    """Until the phase is reached, or the instant."""
    if phase == "start":
        return ""
    if inside:
        at = command.folder / "at"
        return "" if command.wait_for(at.exists) else f"never came to {phase}: {command.said()[-500:]}"
    longest = LIFE * busy() if phase.startswith("instant") else 3.0 * busy()
    command.wait_for(lambda: False, random.Random(case).uniform(0.0, longest))
    return ""


def _asked(command: Command, sent: str, *, silent: bool) -> str:
    """Ask, and see how that is answered. silent: whether somebody else holds what it says until it is over."""
    names, _, group = sent.partition(" ")
    load, before = busy(), command.err.stat().st_size
    early = command.process.poll()
    if early is not None:
        return "" if early in (0, 1) else f"ended before it was asked: {early}: {command.said()[-500:]}"
    asked = time.monotonic()
    for at, name in enumerate(names.split("+")):
        if at:
            command.wait_for(lambda: False, 0.3)
        if name == "stop":
            asked = _stop(command)
        else:
            _send(command, signal.Signals[f"SIG{name}"], group=bool(group))
    code = {"INT": 130, "stop": 130, "TERM": 143, "HUP": 129}[names.split("+")[0]]
    command.wait_for(lambda: command.err.stat().st_size > before)
    heard = time.monotonic() - asked
    command.wait_for(lambda: False)
    took, load = time.monotonic() - asked, max(load, busy())
    text = command.said()
    if command.process.poll() is None:
        return f"still running after {took:.0f} s: {text[-500:]}"
    wrong = []
    if command.process.returncode != code:
        wrong.append(f"exit {command.process.returncode} instead of {code}")
    if "Traceback" in text or "Exception ignored" in text:
        wrong.append("a traceback")
    if heard > ACKNOWLEDGED * load and not silent:
        wrong.append(f"acknowledged after {heard:.1f} s")
    if took > ENDED * load:
        wrong.append(f"ended after {took:.1f} s (load {load:.1f})")
    return f"{'; '.join(wrong)}: {text[-700:]}" if wrong else ""


def _send(command: Command, number: signal.Signals, *, group: bool) -> None:
    try:
        (os.killpg if group else os.kill)(command.process.pid, number)
    except ProcessLookupError:
        return


def _stop(command: Command) -> float:
    """Ask by the verb; when that was done."""
    command.wait_for((command.folder / ".mlfuzz" / "c" / "lock").exists, 60.0)
    subprocess.run(
        [sys.executable, "-m", "mlfuzz", "stop", "c"], cwd=command.folder, check=False, capture_output=True, timeout=120
    )
    return time.monotonic()


def _left(command: Command, folder: Path) -> str:
    """What is left running or lying about, and whether what there is can be read."""
    if left := command.left(2.0 * busy()):
        return f"left running: {left}"
    root = folder / ".mlfuzz" / "c"
    if not root.is_dir():
        return ""
    workdir = Workdir(root)
    if workdir.stop_request.exists():
        return "its stop request is left"
    if lying := parts(root):
        return f"left lying about: {lying}"
    list(FindingStore(workdir.findings).records())
    if workdir.lives() and list(workdir.journal.rglob("*.mlj")):
        corpus = Corpus.open(workdir)
        if corpus.damaged or corpus.unreadable:
            return f"damaged: {corpus.damaged}"
    if workdir.stats.exists() and not read_stats(workdir.stats.read_bytes(), "stats").ended:
        return "the figures do not say how it ended"
    return ""


def _unreported(command: Command, folder: Path) -> str:
    """A campaign that was asked once says at the end what it has found, and reports what has run."""
    workdir = Workdir(folder / ".mlfuzz" / "c")
    if not workdir.stats.exists():
        return ""  # it had not begun
    if "done: " not in command.said():
        return f"it does not say what it has found: {command.said()[-500:]}"
    return "" if workdir.report.exists() or "no report: " in command.said() else "it is not reported"


def _found(folder: Path) -> None:
    """A campaign with findings."""
    with Command(["mlfuzz", "fuzz", "quad", "--name", "c", "--inputs", "400"], folder, {"PHASE": ""}) as command:
        command.wait_for(lambda: False)
    for path in ("out", "err"):
        (folder / path).unlink()


def _old_request(folder: Path) -> str:
    """One that lies there from before is nobody's."""
    workdir = Workdir.create(folder / ".mlfuzz" / "c")
    workdir.stop_request.touch()
    arguments = ["mlfuzz", "fuzz", "quad", "--name", "c", "--inputs", "200"]
    with Command(arguments, folder, {"PHASE": ""}) as command:
        command.wait_for(lambda: False)
        code = command.process.wait()
        if code not in (0, 1) or workdir.stop_request.exists():
            return f"exit {code}: {command.said()[-500:]}"
    return ""


def _nobody_reads(folder: Path, *, closed: bool) -> str:
    """A reader that has gone ends a campaign in good order; one that does not read does not hold up the end."""
    reading, writing = os.pipe()
    if closed:
        os.close(reading)
    arguments = ["fuzz", "quad", "--name", "c", "--time", "300s", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlfuzz", *arguments], cwd=folder, stdout=writing, stderr=subprocess.PIPE,
        env={**os.environ, "PHASE": "run", "OMP_NUM_THREADS": "1"}, start_new_session=True,
    )  # fmt: skip
    if not closed:
        os.set_blocking(writing, False)
        until = time.monotonic() + 240.0
        while not (folder / "at").exists() and time.monotonic() < until:
            time.sleep(0.05)
        try:
            while True:
                os.write(writing, b"x" * 512)  # full
        except BlockingIOError:
            os.set_blocking(writing, True)
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
    os.close(writing)
    asked, load = time.monotonic(), busy()
    try:
        _, err = process.communicate(timeout=240)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return "it hangs"
    took = time.monotonic() - asked
    if process.returncode != 130 or b"Traceback" in err:
        return f"exit {process.returncode}: {err.decode()[-500:]}"
    if not closed and took > ENDED * max(load, busy()):
        return f"ended after {took:.1f} s"
    return ""
