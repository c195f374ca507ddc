"""Campaigns of models and of harnesses end in one way: the same objects, and the same answers to the same requests."""

from __future__ import annotations

import os
import signal

import pytest
from codefuzz import toy_project
from codefuzz.scripted import ScriptedEngine

from mlfuzz.budget import Budget
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor import supervise, worker_pool
from mlfuzz.cli.verbs import demo, fuzz, harness_run
from mlfuzz.codefuzz.campaign import campaign as harness_campaign
from mlfuzz.codefuzz.campaign import stats as harness_stats
from mlfuzz.codefuzz.campaign.spec import HarnessSpec
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.events import Ending, NewFinding, Started
from mlfuzz.request import CampaignRequest
from mlfuzz.stop_reason import Stop, StopReason
from mlfuzz.testing.puzzles import puzzle_seeds

SHARED = (
    "CampaignRequest", "CampaignResult", "Ended", "Ending", "Interrupts", "Known", "NewFinding", "Started", "Stop",
    "StopReason", "Tick", "TriageQueue", "Warned", "WrapUp", "exit_code",
)  # fmt: skip


def test_both_supervisors_are_made_of_the_same_objects():
    assert [name for name in SHARED if getattr(supervise, name) is not getattr(harness_campaign, name)] == []
    assert worker_pool.StatsWriter is harness_stats.StatsWriter
    assert fuzz.run is harness_run.run is demo.run


class ModelSide:
    """Saves a finding at once: a puzzle that gives nan for bright pictures."""

    run = staticmethod(supervise.run)

    def __init__(self, folder):
        puzzle_seeds(folder / "seeds" / "dull", count=4)
        self.spec = WorkerSpec(
            target="mlfuzz.testing.puzzles:nan_when_bright", name="puzzle", directory=str(folder),
            seeds=str(folder / "seeds"), mutators=["image.brightness"], batch=32,
        )  # fmt: skip


class CodeSide:
    """The same with a parser that raises for some inputs."""

    run = staticmethod(harness_campaign.run)

    def __init__(self, folder):
        project = toy_project.build(folder / "project")
        harness = discovery.find("toy", project)
        engine = ScriptedEngine({"toy": [b"TPokay", b"TPExyz", b"TPDdddd"]})
        self.spec = HarnessSpec((harness,), engine, Options(project=str(project)))


@pytest.fixture(autouse=True)
def a_hang_up_is_heard():
    """Whoever runs the tests may have started them to outlive the terminal (nohup)."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(params=[CodeSide, pytest.param(ModelSide, marks=pytest.mark.slow)], ids=["code", "model"])
def campaign(request, tmp_path):
    """Run one of either side in a fresh folder: campaign(name, budget, on_event, ...)."""
    side = request.param(tmp_path)
    return lambda name, budget, tell=lambda _: None, **more: side.run(
        CampaignRequest(side.spec, tmp_path / name, budget, **more), tell
    )


@pytest.mark.parametrize(
    ("ask", "reason", "code"),
    [
        (signal.SIGINT, StopReason.INTERRUPTED, 130),
        (signal.SIGTERM, StopReason.TERMINATED, 143),
        (signal.SIGHUP, StopReason.HUNG_UP, 129),
        ("stop", StopReason.REQUESTED, 130),
    ],
)
def test_a_request_to_end_is_acknowledged_once_and_has_its_exit_code(campaign, tmp_path, ask, reason, code):
    messages = []

    def tell(event):
        messages.append(event)
        if isinstance(event, Started) and ask == "stop":
            (tmp_path / "c" / "stop").touch()
        elif isinstance(event, Started):
            os.kill(os.getpid(), ask)

    result = campaign("c", Budget(seconds=300.0), tell)
    assert (result.stop, result.exit_code) == (Stop(reason), code)
    assert [event.how for event in messages if isinstance(event, Ending)] == [reason]


@pytest.mark.slow
def test_the_same_table_of_what_counts_holds_for_both(campaign):
    budget, messages = Budget(seconds=60.0, inputs=2_000), []
    first = campaign("first", budget, messages.append)
    assert (first.stop, first.exit_code) == (Stop(StopReason.INPUTS, 2_000), 1)
    assert {event.finding.id for event in messages if isinstance(event, NewFinding)} == {
        one.id for one in first.findings
    }
    kept = tuple(one for one in first.findings if one.verdict != "flaky")
    codes = {
        fail_on: campaign(fail_on, budget, fail_on=fail_on, regressions=kept) for fail_on in ("any", "new", "none")
    }
    assert {fail_on: result.exit_code for fail_on, result in codes.items()} == {"any": 1, "new": 0, "none": 0}
    assert codes["new"].known == {one.id for one in codes["new"].findings}
