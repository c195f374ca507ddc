"""The same seed and the same calibration make the same campaign, whatever else the machine does; totals go on."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from mlfuzz.budget import Budget
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.examples import digits
from mlfuzz.progress import Stats
from mlfuzz.storage.workdir import Workdir

INPUTS = 600


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """So many processes beside this one that want all the processor they can get."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


def run(folder: Path) -> tuple[str, Stats]:
    """A hash over all entries (chains, inputs, margins, gains), and the figures."""
    with Campaign.open(folder, digits.fragile(), seed=5, max_seeds=10) as opened:
        stats = opened.run(Budget(inputs=INPUTS), triage_here=False).stats
        corpus, digest = opened.corpus, hashlib.sha256()
        for row in range(len(corpus)):
            digest.update(msgspec.json.encode(corpus.chain(row)))
            digest.update(corpus.payload(row))
        digest.update(corpus.margins.tobytes() + corpus.gains.tobytes())
        return digest.hexdigest(), stats


@pytest.mark.slow
def test_a_campaign_repeats_from_its_calibration_beside_busy_neighbours_and_counts_on(tmp_path: Path) -> None:
    alone, first = run(tmp_path / "one")
    Workdir.create(tmp_path / "two")
    shutil.copytree(tmp_path / "one" / "calibration", tmp_path / "two" / "calibration", dirs_exist_ok=True)
    with neighbours(2):
        beside, second = run(tmp_path / "two")
    assert second.setup["batch"] == first.setup["batch"], "the calibration was not taken over"
    assert beside == alone
    assert second.operators == first.operators
    assert set(first.spent) == set(first.operators)
    _, later = run(tmp_path / "one")
    for name, before in first.operators.items():
        assert (later.operators[name].rows, later.operators[name].firsts) >= (before.rows, before.firsts)
        assert later.spent[name] >= first.spent[name] > 0
    assert sum(one.rows for one in later.operators.values()) > sum(one.rows for one in first.operators.values())
