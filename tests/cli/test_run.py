"""What is said when a campaign is over."""

from __future__ import annotations

import io

from mlfuzz.cli.context import Context
from mlfuzz.cli.plan import plan
from mlfuzz.cli.run import _counted, _next, _seeds_told, run
from mlfuzz.cli.terminal import Terminal
from mlfuzz.errors import EXIT_CLEAN, EXIT_INTERRUPTED
from mlfuzz.progress import SeedStats


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
    assert _counted((), 198) == "nothing confirmed yet"


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

    monkeypatch.setattr("mlfuzz.campaign.supervise.run", gone)
    context = Context(tmp_path, Terminal(out=io.StringIO(), err=io.StringIO()))
    assert run(context, plan(context, "digits:fragile", {})) == EXIT_INTERRUPTED
