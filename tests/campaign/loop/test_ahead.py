"""The next batch, made while this one runs."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mlfuzz.budget import Budget
from mlfuzz.campaign.loop import loop as loops
from mlfuzz.campaign.loop.ahead import Made, Producer
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.errors import LostInputError
from mlfuzz.examples import digits
from mlfuzz.targets.surroundings import Found


def rows_of(folder: Path, monkeypatch: pytest.MonkeyPatch, *, cores: int, **options: Any) -> tuple[str, set[bool], Any]:
    """A hash of all that ran, whether other threads made it, and the campaign's figures."""
    monkeypatch.setattr("mlfuzz.campaign.worker.campaign.usable_cores", lambda: cores)
    made, threads = hashlib.sha256(), set[bool]()
    run, make = loops.Loop._run, loops.Loop._make

    def noting_run(self: Any, picked: Any, mutated: Any, **what: Any) -> Any:
        made.update(picked.tobytes() + mutated.rows.data.numpy().tobytes())
        return run(self, picked, mutated, **what)

    def noting_make(self: Any, number: int) -> Made:
        threads.add(threading.current_thread() is not threading.main_thread())
        return make(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(loops.Loop, "_run", noting_run)
        patch.setattr(loops.Loop, "_make", noting_make)
        with Campaign.open(folder, digits.fragile(), batch=64, seed=5, **options) as campaign:
            campaign.run(Budget(inputs=1280), triage_here=False)
            left = (len(campaign.corpus), sorted(campaign.findings.ids()), campaign.warnings)
    return made.hexdigest(), threads, left


@pytest.mark.parametrize("options", [{}, {"search": {"name": "black", "share": 0.3}}], ids=["plain", "searches"])
def test_a_thread_of_its_own_changes_no_input(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = rows_of(tmp_path / "a", monkeypatch, cores=2, overlap=True, **options)
    in_turns = rows_of(tmp_path / "b", monkeypatch, cores=1, overlap=True, **options)
    assert beside[0] == in_turns[0]
    assert beside[1] == {True, False}  # the first batch is made by the caller
    assert in_turns[1] == {False}
    assert beside[2][:2] == in_turns[2][:2]
    assert not any("overlap" in warning for warning in beside[2][2])
    assert any("since 1 workers take all 1 cores" in warning for warning in in_turns[2][2])


def test_without_it_every_batch_knows_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = rows_of(tmp_path / "a", monkeypatch, cores=2)
    assert plain[1] == {False}
    assert plain[0] != rows_of(tmp_path / "b", monkeypatch, cores=2, overlap=True)[0]


@pytest.mark.parametrize("threaded", [True, False])
def test_what_making_raises_comes_where_the_batch_is_taken(threaded: bool) -> None:
    asked: list[int] = []

    def make(number: int) -> Made:
        asked.append(number)
        raise LostInputError(7, "gone")

    producer = Producer(make, threaded=threaded)
    producer.begin(1)
    producer.wait()
    with pytest.raises(LostInputError, match="gone"):
        producer.take(1)
    with pytest.raises(LostInputError):
        producer.take(2)
    assert asked == [1, 2]


@pytest.mark.parametrize("threaded", [True, False])
def test_one_batch_is_made_ahead_and_may_be_left(threaded: bool) -> None:
    asked: list[int] = []

    def make(number: int) -> Made:
        asked.append(number)
        return Made(np.asarray([number]), None)  # type: ignore[arg-type]

    producer = Producer(make, threaded=threaded)
    producer.begin(1)
    producer.wait()
    producer.begin(2)
    assert producer.take(9).picked.tolist() == [1]
    producer.begin(3)
    producer.forget()
    assert producer.take(4).picked.tolist() == [4]
    assert asked == [1, 3, 4]


def test_an_input_that_is_lost_is_wanted_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlfuzz.campaign.worker.campaign.usable_cores", lambda: 2)
    with Campaign.open(tmp_path / "c", digits.fragile(), batch=64, seed=5, overlap=True) as campaign:
        campaign.loop.step()
        made = campaign.loop._make
        calls = iter([LostInputError(3, "gone")])

        def losing(number: int) -> Made:
            for error in calls:
                raise error
            return made(number)

        campaign.loop._producer = Producer(losing, threaded=True)
        while not campaign.loop.lost:
            campaign.loop.step()
        ran = [campaign.loop.step() for _ in range(4)]
        assert campaign.loop.lost == {3: "gone"}
        assert min(ran) > 0
        assert 3 not in campaign.loop.launch().picked


def test_a_guarded_campaign_forks_beside_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlfuzz.campaign.worker.campaign.usable_cores", lambda: 8)
    with Campaign.open(tmp_path / "c", digits.fragile(), batch=32, overlap=True, guarded=True) as campaign:
        assert not campaign.loop._producer._threaded
        assert any("overlap: batches are made in turns, since a guarded" in one for one in campaign.warnings)
        campaign.run(Budget(inputs=64), triage_here=False)
        assert campaign.stats.inputs == 64


def test_a_target_that_needs_settings_of_the_process_is_run_in_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlfuzz.campaign.worker.campaign.usable_cores", lambda: 8)
    target = digits.fragile()
    target.surroundings = Found(theirs={"torch's default type": torch.float64})
    with Campaign.open(tmp_path / "c", target, batch=64, overlap=True) as campaign:
        assert not campaign.loop._producer._threaded
        assert any("(torch's default type)" in warning for warning in campaign.warnings)
        campaign.run(Budget(inputs=640), triage_here=False)
        assert campaign.stats.inputs == 640
        assert campaign.tally.clock.seconds["mutate"] > 0.01
