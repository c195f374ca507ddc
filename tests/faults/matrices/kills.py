"""Kills of each process of a campaign of either side, again and again, at random instants of its life.

A case: side / workers / who is killed. It kills as often as `KILLS` says, and each start goes on with the campaign.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from faults.processes import Command, busy, parts
from faults.subjects import project

from mlfuzz.corpus.corpus import Corpus
from mlfuzz.errors import StorageError
from mlfuzz.findings.store import FindingStore
from mlfuzz.storage.workdir import Workdir

PROMISE = (
    "A kill of any process loses and doubles nothing that was acknowledged, and leaves nothing running or lying about."
)

KILLS = 6

ORPHAN_SECONDS = 3.0
"""Seconds after which nothing may run any more, on an idle machine."""

VICTIMS = {
    "model": {"worker": "mlfuzz.campaign.worker", "triage": "triage_worker", "starter": "supervisor.starter"},
    "harness": {"server": "forkserver.server"},
}
"""Those that a campaign outlives, or ends of, and what their command names."""


@dataclass(slots=True)
class Acknowledged:
    """What has been said or seen to be there: entries, and findings with their verdicts."""

    entries: set[tuple[str, int]] = field(default_factory=set)
    findings: dict[str, str] = field(default_factory=dict)

    def take(self, root: Path, out: Path) -> None:
        """What stands on the disk now, and what the command has said."""
        if (root / "journal").is_dir():
            corpus = Corpus.open(Workdir(root))
            self.entries |= {corpus.identity(row) for row in range(len(corpus))}
        for line in out.read_bytes().split(b"\n")[:-1]:
            record = json.loads(line)
            if record["event"] in ("saved", "verdict"):
                self.findings[record["finding"]["id"]] = record["finding"].get("verdict", "candidate")

    def lost(self, root: Path) -> str:
        """What of it is not there, or is there twice."""
        store, workdir = FindingStore(root / "findings"), Workdir(root)
        for finding_id, verdict in self.findings.items():
            try:
                now = store.load(finding_id).verdict
            except StorageError as error:
                return f"finding {finding_id[:10]} is lost: {error}"
            if verdict != "candidate" and now == "candidate":
                return f"the verdict of {finding_id[:10]} is lost"
        corpus = Corpus.open(workdir)
        there = [corpus.identity(row) for row in range(len(corpus))]
        if len(set(there)) < len(there):
            return f"{len(there) - len(set(there))} entries are there twice"
        if missing := self.entries - set(there):
            return f"{len(missing)} of {len(self.entries)} entries are lost"
        return f"damaged: {corpus.damaged}" if corpus.damaged else ""


def cases() -> list[str]:
    """Both sides, one worker and two, each process."""
    return [
        f"{side} / {workers} / {victim}"
        for side, others in VICTIMS.items()
        for workers in (1, 2)
        for victim in ("front", "supervisor", "group", *others)
    ]


def broken(case: str, folder: Path) -> str:
    """What went wrong over all kills of a case."""
    side, workers, victim = case.split(" / ")
    project(folder)
    verb = ["fuzz", "quad"] if side == "model" else ["harness", "run", "lines", "--sandbox", "off"]
    arguments = ["mlfuzz", *verb, "--name", "c", "--workers", workers, "--json", "--no-report"]
    root, chance, known = folder / ".mlfuzz" / "c", random.Random(case), Acknowledged()
    life = 0.0
    for number in range(KILLS):
        with Command([*arguments, "--time", "300s"], folder, {"PHASE": ""}) as command:
            began = time.monotonic()
            if not life:
                command.wait_for(lambda: bool(_ids(root)))
                life = time.monotonic() - began
            else:
                command.wait_for(lambda: False, chance.uniform(0.0, 1.3 * life))
            command.wait_for(lambda: False, chance.uniform(0.0, 0.3))
            if command.process.poll() not in (None, 3):
                return f"kill {number}: it ended of itself: {command.process.returncode}: {command.said()[-500:]}"
            known.take(root, command.out)
            if wrong := _kill(command, side, victim):
                return f"kill {number}: {wrong}"
            known.take(root, command.out)
        if wrong := known.lost(root) if (root / "journal").is_dir() else "":
            return f"kill {number}: {wrong}"
    with Command([*arguments, "--inputs", "64"], folder, {"PHASE": ""}) as command:
        command.wait_for(lambda: False)
        if command.process.poll() not in (0, 1):
            return f"it does not go on: exit {command.process.returncode}: {command.said()[-500:]}"
        if lying := parts(root):
            return f"left lying about: {lying}"
        if side == "model" and not known.entries:
            return "no entry was ever seen: nothing was tried"
        return known.lost(root)


def _ids(root: Path) -> list[str]:
    return [path.parent.name for path in root.glob("findings/*/finding.json")]


def _kill(command: Command, side: str, victim: str) -> str:
    """Kill it; in the end nothing of the campaign runs any more."""
    if victim in VICTIMS[side]:
        name = VICTIMS[side][victim]
        command.wait_for(lambda: bool(_named(command, name)), 60.0)
        killed = _named(command, name)
        for pid in killed[:1]:
            _end(pid)
        if victim == "worker":  # somebody takes its place
            if not command.wait_for(lambda: bool(set(_named(command, name)) - set(killed))):
                return f"nobody took its place: {command.process.poll()}: {command.said()[-500:]}"
        else:
            command.wait_for(lambda: False, 0.5)
            if command.process.poll() not in (None, 3):
                return f"it ended of itself: {command.process.poll()}: {command.said()[-500:]}"
        victim = "group"
    if victim == "group":
        _end(-command.process.pid)
    else:
        own = Path(f"/proc/{command.process.pid}/task/{command.process.pid}/children").read_text().split()
        _end(command.process.pid if victim == "front" or not own else int(own[0]))
    command.process.wait()
    left = command.left(ORPHAN_SECONDS * busy())
    return f"left running: {left}" if left else ""


def _named(command: Command, name: str) -> list[int]:
    """Its processes whose command names this, the oldest first."""
    found = []
    for pid in sorted(command.running()):
        try:
            if name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
