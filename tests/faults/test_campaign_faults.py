"""Campaigns that are killed, interrupted, changed or crowded out lose nothing that was acknowledged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from campaign.workers import workers_of

from mlfuzz.budget import Budget
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.supervise import run
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.errors import CampaignBusyError, ConfigError, SeedError, TargetError, TargetLoadError
from mlfuzz.request import CampaignRequest
from mlfuzz.storage.lock import Lock
from mlfuzz.storage.workdir import Workdir

TARGET = "mlfuzz.examples.digits:fragile"
SECONDS = 90.0


def spec(**options: object) -> WorkerSpec:
    return msgspec.convert({"target": TARGET, "batch": 64, **options}, WorkerSpec)


def command(folder: Path, seconds: float | None, inputs: int | None = None) -> list[str]:
    code = f"""
import sys
from pathlib import Path
from mlfuzz.budget import Budget
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.supervise import run
from mlfuzz.request import CampaignRequest
spec = WorkerSpec(target={TARGET!r}, batch=64)
sys.exit(run(CampaignRequest(spec, Path({str(folder)!r}), Budget(seconds={seconds}, inputs={inputs}))).exit_code)
"""
    return [sys.executable, "-c", code]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A campaign of 60 s, some entries into it."""
    folder = tmp_path / "c"
    process = subprocess.Popen(command(folder, 60.0), start_new_session=True)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and entries(folder) < 250:
        time.sleep(0.2)
    assert entries(folder) >= 250
    yield process, folder
    if process.poll() is None:
        process.kill()
    process.wait()


def entries(folder: Path) -> int:
    return len(identities(folder)) if (folder / "journal").is_dir() else 0


def identities(folder: Path) -> set[tuple[str, int]]:
    corpus = Corpus.open(Workdir.open(folder))
    assert not corpus.damaged
    return {corpus.identity(row) for row in range(len(corpus))}


def saved(folder: Path) -> set[str]:
    """Findings that are there whole; what is still being written has another name."""
    return {name for name in os.listdir(folder / "findings") if not name.startswith(".")}


@pytest.mark.slow
def test_kill_9_of_the_supervisor_ends_the_worker_and_loses_nothing(
    running: tuple[subprocess.Popen[bytes], Path],
) -> None:
    process, folder = running
    before, findings = identities(folder), saved(folder)
    assert workers_of(folder)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while workers_of(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not workers_of(folder)
    outcome = run(CampaignRequest(spec(), folder, Budget(inputs=2_000)))
    after = identities(folder)
    assert before <= after
    assert findings <= saved(folder)
    assert len(Workdir.open(folder).lives()) == 2
    assert outcome.stats.lives == 2
    assert outcome.stats.entries == len(after)


@pytest.mark.slow
def test_kill_9_of_the_worker_is_reported_and_fuzzing_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    process = subprocess.Popen(command(folder, None, 10_000), start_new_session=True)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and entries(folder) < 250:
        time.sleep(0.2)
    before = identities(folder)
    os.kill(workers_of(folder)[0], signal.SIGKILL)
    assert process.wait(SECONDS) == 1
    assert before <= identities(folder)
    assert len(Workdir.open(folder).lives()) == 2


@pytest.mark.slow
def test_ctrl_c_saves_and_says_130(running: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, folder = running
    before = identities(folder)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert before <= identities(folder)
    stats = msgspec.json.decode((folder / "stats.json").read_bytes())
    assert stats["ended"] == "interrupted"


@pytest.mark.slow
def test_a_second_campaign_in_the_directory_is_refused_with_the_holder(
    running: tuple[subprocess.Popen[bytes], Path],
) -> None:
    process, folder = running
    with pytest.raises(CampaignBusyError, match=f"process {process.pid} on "):
        run(CampaignRequest(spec(), folder, Budget(inputs=100)))


@pytest.mark.slow
def test_changed_options_are_said_and_refused_unless_adopted(tmp_path: Path) -> None:
    run(CampaignRequest(spec(), tmp_path / "c", Budget(inputs=500)))
    changed = spec(scheduler={"name": "random"})
    with pytest.raises(ConfigError, match=r"scheduler.*mixed.*random.*--adopt"):
        run(CampaignRequest(changed, tmp_path / "c", Budget(inputs=500)))
    outcome = run(CampaignRequest(changed, tmp_path / "c", Budget(inputs=500)), adopt=True)
    assert outcome.stats.setup["scheduler"] == {"name": "random"}


@pytest.mark.slow
def test_another_model_measures_the_same_corpus_again_once_adopted(tmp_path: Path) -> None:
    run(CampaignRequest(spec(), tmp_path / "c", Budget(inputs=1_000)))
    before = identities(tmp_path / "c")
    other = spec(target="mlfuzz.examples.digits:robust")
    with pytest.raises(ConfigError, match="digits:robust"):
        run(CampaignRequest(other, tmp_path / "c", Budget(inputs=500)))
    outcome = run(CampaignRequest(other, tmp_path / "c", Budget(inputs=500)), adopt=True)
    assert before <= identities(tmp_path / "c")
    assert any("run again" in warning for warning in outcome.stats.warnings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"target": "mlfuzz.examples.digits:fragle"}, TargetLoadError, "did you mean 'fragile'"),
        ({"target": "mlfuzz.testing.puzzles:nan_always"}, SeedError, "fails on every one"),
        ({"target": "mlfuzz.testing.puzzles:one_answer_for_all"}, TargetError, "one answer an input"),
        ({"seeds": "nowhere"}, ConfigError, "is not there"),
        ({"mutators": ["image.rotat"]}, None, "did you mean 'image.rotate'"),
        ({"oracles": [{"name": "lable"}]}, None, "did you mean 'label'"),
        ({"limits": {"linff": 0.3}}, ConfigError, "linf"),
    ],
)
def test_what_cannot_run_says_why(
    options: dict[str, object], error: type[Exception] | None, message: str, tmp_path: Path
) -> None:
    if str(options.get("target", "")).startswith("mlfuzz.testing"):
        from mlfuzz.testing.puzzles import puzzle_seeds

        puzzle_seeds(tmp_path / "seeds")
        options = {**options, "seeds": str(tmp_path / "seeds")}
    with pytest.raises(error or Exception, match=message):
        run(CampaignRequest(spec(**options), tmp_path / "c", Budget(inputs=100)))


def test_a_locked_directory_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    workdir = Workdir.create(folder)
    before = sorted(path.name for path in folder.iterdir())
    with Lock.acquire(workdir.lock), pytest.raises(CampaignBusyError, match=str(os.getpid())):
        run(CampaignRequest(spec(), folder, Budget(inputs=100)))
    assert [path for path in sorted(path.name for path in folder.iterdir()) if path != "lock"] == before
