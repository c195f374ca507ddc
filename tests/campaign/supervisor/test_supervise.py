"""A request to end is heeded at whatever moment it comes."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from campaign.workers import workers_of

from mlfuzz.budget import Budget
from mlfuzz.campaign.isolation.flight_recorder import read_flight
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.supervise import run
from mlfuzz.events import CampaignResult, Ending, Event, Started, Tick, WorkerDied
from mlfuzz.request import CampaignRequest
from mlfuzz.stop_reason import Stop, StopReason
from mlfuzz.storage.workdir import Workdir, life_number
from mlfuzz.testing.puzzles import puzzle_seeds

pytestmark = pytest.mark.slow

SECONDS = 300.0
"""The budget: nothing of it is left to run off once the end is asked for."""

SLOW_START = """
import pathlib, time
time.sleep(60)
pathlib.Path(__file__).with_name("loaded").touch()
from mlfuzz.examples.digits import fragile as make
"""

SLOW_SEEDS = """
import pathlib, time, mlfuzz
def answer(images):
    pathlib.Path(__file__).with_name("running").touch()
    time.sleep(60)
    return images[:, 0, 0, :4]
def make():
    return mlfuzz.CallableTarget("slow", mlfuzz.Image(size=(16, 16), channels=1), answer)
"""


def campaign(
    folder: Path, tell: Callable[[Event], None], *, workers: int, source: str = "", inputs: int | None = None
) -> CampaignResult:
    spec = WorkerSpec(target="mlfuzz.examples.digits:fragile", batch=64)
    if source:
        (folder / "late.py").write_text(source)
        puzzle_seeds(folder / "seeds")
        spec = WorkerSpec(target="late:make", directory=str(folder), seeds=str(folder / "seeds"))
    request = CampaignRequest(spec, folder / "c", Budget(seconds=SECONDS, inputs=inputs), workers=workers)
    try:
        return run(request, tell)
    except KeyboardInterrupt:
        pytest.fail("a second request ended it at once")


@pytest.fixture(autouse=True)
def _late_requests_end_nothing() -> Iterator[None]:
    """A request that comes when the campaign has ended must not end the whole test run."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def ordered(folder: Path) -> list[int]:
    """Numbers of the workers that were ever started."""
    return [number for number in range(3) if Workdir.open(folder / "c").order(number).exists()]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_while_the_target_loads_it_ends_without_waiting_for_it(workers: int, tmp_path: Path) -> None:
    events: list[Event] = []

    def tell(event: Event) -> None:
        events.append(event)
        if isinstance(event, Started):
            interrupt()

    outcome = campaign(tmp_path, tell, workers=workers, source=SLOW_START)
    assert (outcome.exit_code, outcome.stop) == (130, Stop(StopReason.INTERRUPTED))
    assert sum(isinstance(event, Ending) for event in events) == 1
    assert ordered(tmp_path) == [0]
    assert not (tmp_path / "loaded").exists()


def test_while_the_seeds_run_it_ends_and_the_same_campaign_begins_afresh(tmp_path: Path) -> None:
    def soon() -> None:
        while not (tmp_path / "running").exists():
            time.sleep(0.05)
        interrupt()

    watcher = threading.Thread(target=soon)
    watcher.start()
    outcome = campaign(tmp_path, lambda _: None, workers=2, source=SLOW_SEEDS)
    watcher.join()
    assert (outcome.exit_code, ordered(tmp_path)) == (130, [0])
    again = campaign(tmp_path, lambda _: None, workers=1, source=SLOW_SEEDS.replace("time.sleep(60)", ""), inputs=64)
    assert again.stats.seeds.usable == len(list((tmp_path / "seeds").glob("*.png")))


@pytest.mark.parametrize("workers", [2, 3])
def test_at_the_first_batch_of_the_first_it_reaches_those_about_to_start_too(workers: int, tmp_path: Path) -> None:
    def soon() -> None:
        flights = tmp_path / "c" / "flight"
        while not any((flight := read_flight(page)) and flight.phase == "execute" for page in flights.glob("*.page")):
            time.sleep(0.01)
        interrupt()

    watcher = threading.Thread(target=soon)
    watcher.start()
    outcome = campaign(tmp_path, lambda _: None, workers=workers)
    watcher.join()
    assert (outcome.exit_code, outcome.stop) == (130, Stop(StopReason.INTERRUPTED))
    assert outcome.stats.seconds < SECONDS / 2


def test_while_a_dead_worker_is_looked_into_nobody_takes_its_place(tmp_path: Path) -> None:
    def tell(event: Event) -> None:
        if isinstance(event, Tick):
            for worker in workers_of(tmp_path / "c"):
                os.kill(worker, signal.SIGKILL)
        if isinstance(event, WorkerDied):
            interrupt()

    outcome = campaign(tmp_path, tell, workers=1)
    assert outcome.exit_code == 130
    assert [life_number(life) for life in Workdir.open(tmp_path / "c").lives()] == [(0, 1)]


def test_a_stop_from_another_shell_is_heeded_before_the_first_batch(tmp_path: Path) -> None:
    def tell(event: Event) -> None:
        if isinstance(event, Started):
            Workdir.open(tmp_path / "c").stop_request.touch()

    outcome = campaign(tmp_path, tell, workers=2, source=SLOW_START)
    assert outcome.stop == Stop(StopReason.REQUESTED)
    assert not (tmp_path / "loaded").exists()
