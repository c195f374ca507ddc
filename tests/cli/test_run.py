"""What is said when a campaign is over."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from findings.samples import sample

from mlfuzz.campaign.confirm.embedding import sketch
from mlfuzz.cli.resolve.context import Context
from mlfuzz.cli.resolve.plan import plan
from mlfuzz.cli.run import _counted, _next, _seeds_told, _tell_weaknesses, run
from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.errors import EXIT_CLEAN, EXIT_INTERRUPTED
from mlfuzz.findings.weakness import SHIFT
from mlfuzz.mutation import Mutation
from mlfuzz.progress import SeedStats
from mlfuzz.report.summary import group


def test_suggested_commands_look_where_the_campaign_lies(tmp_path):
    context = Context(tmp_path, Terminal(out=io.StringIO(), err=io.StringIO()))
    elsewhere = plan(context, "digits:fragile", {}, folder="my runs")
    for code in (EXIT_CLEAN, EXIT_INTERRUPTED):
        (_, command), *_ = _next(context, elsewhere, (), None, code)
        assert "--name digits-fragile --dir 'my runs'" in command
    here = plan(context, "digits:fragile", {})
    assert "--dir" not in _next(context, here, (), None, EXIT_CLEAN)[0][1]


def test_failures_that_wait_for_their_confirmation_are_not_nothing():
    assert _counted((), 0) == "nothing found"
    assert _counted((), 198) == "nothing confirmed yet, 198 candidates not yet confirmed"


def test_what_was_known_already_is_said_and_what_is_new_suggested(tmp_path):
    faults = group([flip(number, "mist") for number in range(3)])
    assert _counted(faults, 0, known_faults=2).endswith("failed again alone, 2 known already")
    assert _counted(faults, 0, known_faults=3).endswith("failed again alone, all known already")
    assert _counted((), 1, known_waiting=1).endswith("1 candidate not yet confirmed, known already")
    context = Context(tmp_path, Terminal(out=io.StringIO(), err=io.StringIO()))
    here = plan(context, "digits:fragile", {})
    for known, kept in ((faults[:2], faults[2].best.id[:10]), (faults, None)):
        told = dict(_next(context, here, faults, None, EXIT_CLEAN, known={one.best.id for one in known}))
        assert told.get("keep") == (kept and f"mlfuzz findings promote {kept}")


def test_seeds_that_were_not_fuzzed_are_told():
    told = _seeds_told(SeedStats(usable=1, skipped={"empty file": 2}, failing=[["3/07.png", "3", "8"]]))
    assert told == [
        "seeds left out: 2 x empty file; mlfuzz check names them",
        "1 seed not fuzzed, wrong as given: 3/07.png (expected 3, got 8)",
    ]
    assert _seeds_told(SeedStats(usable=100, labelled=100)) == []


def test_a_campaign_whose_reader_has_gone_does_not_end_clean(tmp_path, monkeypatch):
    def gone(*_):
        raise BrokenPipeError

    monkeypatch.setattr("mlfuzz.campaign.supervisor.supervise.run", gone)
    context = Context(tmp_path, Terminal(out=io.StringIO(), err=io.StringIO()))
    assert run(context, plan(context, "digits:fragile", {})) == EXIT_INTERRUPTED


def test_what_was_not_confirmed_is_said_with_the_command_that_does_it(tmp_path):
    context = Context(tmp_path, Terminal(out=io.StringIO(), err=io.StringIO()))
    elsewhere = plan(context, "digits:fragile", {}, folder="my runs")
    told = dict(_next(context, elsewhere, (), None, EXIT_CLEAN, 12))
    assert told["confirm"] == "mlfuzz findings confirm --name digits-fragile --dir 'my runs'"


def test_many_faults_are_told_a_line_a_weakness():
    out = io.StringIO()
    context = Context(Path(), Terminal(out=out, err=io.StringIO()))
    faults = group([
        flip(number, operator) for number in range(4) for operator in ("mist", "fog")
    ])  # fmt: skip
    _tell_weaknesses(context, faults)
    lines = out.getvalue().splitlines()
    assert lines == ["  in 1 weakness, the worst first:", "  weak     fog, mist: 8 faults, gets 8 (8)"]


def test_a_mistyped_target_leaves_no_campaign_behind(command, tmp_path):
    ran = command("-C", tmp_path, "fuzz", "digits:fragil", "--time", "1s", "--dir", tmp_path / "runs")
    assert (ran.code, "did you mean 'fragile'" in ran.err) == (3, True)
    assert not (tmp_path / "runs" / "digits-fragil").exists()


def flip(number, operator):
    evidence = {SHIFT: sketch(np.asarray([1.0, 0.1 * number]))}
    name = f"image.{operator}"
    return sample(
        number + 100 * (operator == "fog"), verdict="confirmed", expected=str(number), observed="8", evidence=evidence,
        fault=f"label|{number}->8|{name}", chain=(Mutation(name),),
    )[0]  # fmt: skip
