"""A finding whose writer is killed is there whole or not at all, and its record always fits its files."""

import os
import random
import signal
import subprocess
import sys

import pytest

from mlfuzz.findings.finding import Finding
from mlfuzz.findings.store import FindingStore, read

WRITER = """
import os, sys
from pathlib import Path
import msgspec
sys.path.insert(0, sys.argv[2])
from findings.samples import ref, sample
from mlfuzz.findings.store import FindingStore
store = FindingStore(Path(sys.argv[1]))
start = int(sys.argv[3])
for number in range(start, start + 1000):
    finding, files = sample(number)
    store.save(finding, files)
    os.write(1, f"saved {finding.id}\\n".encode())
    data = b"smaller %d" % number
    shrunk = msgspec.structs.replace(finding, input=ref("input-2.png", data), shrunk=True, verdict="confirmed")
    store.update(shrunk, {"input-2.png": data})
    os.write(1, f"shrunk {finding.id}\\n".encode())
"""


@pytest.mark.slow
def test_kills_between_saving_and_shrinking_leave_only_whole_findings(tmp_path):
    store = FindingStore(tmp_path / "findings")
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    rng = random.Random(1)
    saved, shrunk = set(), set()
    for round_number in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(store.directory), tests, str(1000 * round_number)],
            stdout=subprocess.PIPE,
        )
        lines = [writer.stdout.readline() for _ in range(rng.randrange(1, 20))]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.read().splitlines(keepends=True)
        writer.stdout.close()
        writer.wait()
        for line in lines:
            what, _, finding_id = line.decode().strip().partition(" ")
            (saved if what == "saved" else shrunk).add(finding_id)
        assert all(isinstance(item, Finding) for item in store.list())
        assert saved <= set(store.ids())
        for finding_id in store.ids():
            finding, _ = read(store.folder(finding_id))
            assert finding.shrunk or finding_id not in shrunk
    assert len(saved) > 5
