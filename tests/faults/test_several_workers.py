"""Several workers on one campaign: they share what they keep, a dead one is replaced, and all is counted."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import msgspec
import pytest

from mlfuzz.budget import Budget
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.supervise import run
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.events import Event, WorkerDied
from mlfuzz.request import CampaignRequest
from mlfuzz.stop_reason import Stop, StopReason
from mlfuzz.storage.workdir import Workdir, life_number

pytestmark = pytest.mark.slow

SPEC = WorkerSpec(target="mlfuzz.examples.digits:fragile", batch=64)
SECONDS = 90.0


def entries_by_worker(folder: Path) -> dict[int, int]:
    counts: dict[int, int] = {}
    if (folder / "journal").is_dir():
        corpus = Corpus.open(Workdir.open(folder))
        assert not corpus.damaged
        for row in range(len(corpus)):
            worker = life_number(corpus.identity(row)[0])[0]
            counts[worker] = counts.get(worker, 0) + 1
    return counts


def test_each_mutates_what_the_other_has_kept_and_resuming_with_one_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    outcome = run(CampaignRequest(SPEC, folder, Budget(inputs=16_000), workers=2))
    corpus = Corpus.open(Workdir.open(folder))
    mixed = 0
    for row in range(len(corpus)):
        parent = corpus.entry(row).parent
        if parent is not None and corpus.entry(corpus.row(parent)).parent is not None:
            mixed += parent[0] != corpus.identity(row)[0]
    assert mixed > 0
    assert set(entries_by_worker(folder)) == {0, 1}
    assert outcome.stats.entries <= len(corpus)
    assert outcome.stats.inputs == 64 * outcome.stats.batches
    before = outcome.stats.inputs
    again = run(CampaignRequest(SPEC, folder, Budget(inputs=640)))
    assert again.stats.inputs == before + 640
    assert again.stats.entries >= len(corpus)


def test_a_budget_of_inputs_is_shared(tmp_path: Path) -> None:
    outcome = run(CampaignRequest(SPEC, tmp_path / "c", Budget(inputs=6_400), workers=2))
    assert outcome.stats.inputs == 6_400
    assert set(entries_by_worker(tmp_path / "c")) == {0, 1}


def test_enough_findings_end_all(tmp_path: Path) -> None:
    outcome = run(CampaignRequest(SPEC, tmp_path / "c", Budget(seconds=60.0, findings=5), workers=2))
    assert outcome.stop == Stop(StopReason.FINDINGS, 5)
    assert len(outcome.findings) >= 5


def test_a_killed_one_is_replaced_while_the_other_goes_on(tmp_path: Path) -> None:
    folder, died = tmp_path / "c", []

    def note(event: Event) -> None:
        if isinstance(event, WorkerDied):
            died.append(event)

    def kill_the_second() -> None:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and not entries_by_worker(folder).get(1):
            time.sleep(0.2)
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _is_worker(entry, folder, 1):
                os.kill(int(entry.name), signal.SIGKILL)

    killer = threading.Thread(target=kill_the_second)
    killer.start()
    outcome = run(CampaignRequest(SPEC, folder, Budget(seconds=25.0), workers=2), note)
    killer.join()
    assert len(died) == 1
    lives = [life_number(life) for life in Workdir.open(folder).lives()]
    assert lives == [(0, 1), (1, 1), (1, 2)]
    assert outcome.stats.lives == 3


def _is_worker(entry: Path, folder: Path, number: int) -> bool:
    try:
        command = (entry / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return False
    if b"mlfuzz.campaign.worker" not in command or str(folder).encode() not in command[-1]:
        return False
    return bool(msgspec.json.decode(command[-1])["worker"] == number)
