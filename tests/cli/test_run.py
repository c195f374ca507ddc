"""A campaign before people's eyes."""

from __future__ import annotations

import io
import signal

import pytest

from mlfuzz.cli.resolve.context import Context
from mlfuzz.cli.resolve.plan import plan
from mlfuzz.cli.run import Audience, OutOfTime, limited, run
from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.cli.verbs.fuzz import launch_of
from mlfuzz.errors import EXIT_INTERRUPTED
from mlfuzz.events import Warned
from mlfuzz.storage.workdir import Workdir


def test_commands_that_are_suggested_look_where_the_campaign_lies(tmp_path):
    context = Context(tmp_path, Terminal(out=io.StringIO(), err=io.StringIO()))
    elsewhere = launch_of(plan(context, "digits:fragile", {}, folder="my runs")).commands
    assert elsewhere.again == "mlfuzz fuzz digits:fragile --name digits-fragile --dir 'my runs'"
    here = launch_of(plan(context, "digits:fragile", {})).commands
    assert (here.there, here.again) == ("", "mlfuzz fuzz digits:fragile --name digits-fragile")


def test_a_campaign_whose_reader_has_gone_does_not_end_clean(tmp_path, monkeypatch):
    def gone(*_, **__):
        raise BrokenPipeError

    monkeypatch.setattr("mlfuzz.campaign.supervisor.supervise.run", gone)
    context = Context(tmp_path, Terminal(out=io.StringIO(), err=io.StringIO()))
    assert run(context, launch_of(plan(context, "digits:fragile", {}))) == EXIT_INTERRUPTED


def test_once_nobody_reads_the_campaign_is_asked_to_end_in_good_order(tmp_path, monkeypatch):
    def gone(_):
        raise BrokenPipeError

    monkeypatch.setattr("mlfuzz.cli.run.leave_dead_streams", lambda: None)
    workdir = Workdir.create(tmp_path / "c")
    audience = Audience(gone, workdir)
    audience(Warned("a"))
    audience(Warned("b"))
    assert audience.gone
    assert workdir.stop_request.exists()


def test_a_report_for_somebody_who_waits_is_given_up_in_time():
    before = signal.getsignal(signal.SIGPROF)
    with pytest.raises(OutOfTime), limited(0.05):  # noqa: PT012
        while True:
            pass
    with limited(0.0):
        pass
    assert signal.getsignal(signal.SIGPROF) == before


@pytest.mark.slow
def test_a_mistyped_target_leaves_no_campaign_behind(command, tmp_path):
    ran = command("-C", tmp_path, "fuzz", "digits:fragil", "--time", "1s", "--dir", tmp_path / "runs")
    assert (ran.code, "did you mean 'fragile'" in ran.err) == (3, True)
    assert not (tmp_path / "runs" / "digits-fragil").exists()
