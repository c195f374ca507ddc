"""A campaign before people's eyes, without one running."""

from __future__ import annotations

import io
import json

import msgspec
import pytest
import specimen

from mlfuzz.cli.terminal.announcements import MOST_NEWS
from mlfuzz.cli.terminal.campaign_view import CampaignView
from mlfuzz.cli.terminal.panel import Panel, new_line
from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.events import (
    Awaiting,
    CampaignResult,
    Confirmed,
    Ended,
    Ending,
    NewFinding,
    Preparing,
    Shrunk,
    Started,
    Tick,
    Warned,
    WorkerDied,
)
from mlfuzz.findings.known import Known
from mlfuzz.progress import Stats
from mlfuzz.stop_reason import Stop, StopReason


@pytest.fixture
def flips():
    return [finding for finding, _ in specimen._flips("x")]


@pytest.fixture
def shown():
    out, err = io.StringIO(), io.StringIO()
    return Panel(Terminal(out=out, err=err), "mlfuzz", "digits", 30.0), out, err


def test_a_fault_is_told_once_when_it_is_settled(shown, flips):
    panel, out, _ = shown
    for finding in flips[:3]:
        panel(NewFinding(msgspec.structs.replace(finding, verdict="candidate")))
    assert out.getvalue() == ""
    for finding in flips[:3]:
        panel(Confirmed(finding))
    assert out.getvalue().count("NEW") == 1
    assert "NEW label 7 -> 1  rotate 11.2 degrees  margin 0.43 logits" in out.getvalue()
    assert f"mlfuzz replay {flips[0].id[:10]}" in out.getvalue()


def test_what_the_corpus_keeps_is_not_told_as_new(flips):
    out = io.StringIO()
    panel = Panel(Terminal(out=out, err=out), "mlfuzz", "digits", 30.0, known=Known(flips[:1]))
    for finding in flips[:3]:
        panel(Confirmed(msgspec.structs.replace(finding, id="f" * 16)))
    assert out.getvalue() == ""
    panel(Confirmed(msgspec.structs.replace(flips[0], id="f" * 16, fault="another")))
    assert out.getvalue().count("NEW") == 1


def test_a_flood_of_faults_is_cut_short_and_said_to_be(shown, flips):
    panel, out, _ = shown
    for at in range(3 * MOST_NEWS):
        panel(Confirmed(msgspec.structs.replace(flips[0], id=f"{at:016x}", fault=f"fault {at}")))
    assert out.getvalue().count("NEW") == MOST_NEWS
    assert out.getvalue().count("further faults are counted") == 1
    assert panel.board.faults == 3 * MOST_NEWS


def test_a_crash_is_told_and_a_flaky_one_never(shown):
    panel, out, _ = shown
    for finding, _ in specimen._others("x"):
        panel(Confirmed(finding))
        panel(Shrunk(finding))
    lines = out.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == ["nonfinite", "exception"]
    assert "empty glyph" in lines[1]


def test_a_hostile_finding_cannot_command_the_terminal(flips):
    finding = msgspec.structs.replace(flips[0], observed="\x1b[2J[bold]", message="a\nb\u202e")
    text = "".join(part if isinstance(part, str) else part[0] for part in new_line(finding))
    assert "\x1b" not in text
    assert "\n" not in text
    assert "\\u202e" in text


def test_a_log_gets_a_line_every_half_minute_not_more(shown, monkeypatch):
    panel, out, _ = shown
    now = [panel._screen._logged]
    monkeypatch.setattr("mlfuzz.cli.terminal.live_display.time.monotonic", lambda: now[0])
    for line in specimen._progress(False):
        now[0] += 1.0
        panel(Tick(line))
    assert len(out.getvalue().splitlines()) == 2
    assert "inputs=" in out.getvalue()
    assert "p_new=" in out.getvalue()


def test_deaths_and_warnings_go_to_stderr(shown):
    panel, out, err = shown
    panel(WorkerDied("SIGSEGV", 2, "execute"))
    panel(Warned("careful \x07"))
    assert out.getvalue() == ""
    assert "SIGSEGV" in err.getvalue()
    assert "careful \\x07" in err.getvalue()


def test_what_it_is_at_before_the_first_batch_is_told(shown):
    panel, out, _ = shown
    panel(Preparing("running seeds and their mutants, 12 so far"))
    assert out.getvalue() == "running seeds and their mutants, 12 so far ...\n"
    assert panel.board.cells() == [("", "running seeds and their mutants, 12 so far ...")]


def test_a_request_to_end_is_acknowledged_in_a_line_and_so_is_what_it_waits_for(shown):
    panel, out, err = shown
    panel(Ending(StopReason.INTERRUPTED))
    panel(Awaiting("the model is still in its call"))
    assert out.getvalue() == ""
    assert err.getvalue().splitlines() == [
        "interrupted: saving and reporting; Ctrl-C now ends it at once",
        "saving; the model is still in its call",
    ]


def test_the_panel_draws_before_and_after_the_first_progress(shown):
    panel, *_ = shown
    from rich.console import Console

    file = io.StringIO()
    console = Console(file=file, width=140)
    console.print(panel._draw())
    panel(Tick(specimen._progress(False)[-1]))
    console.print(panel._draw())
    drawn = file.getvalue()
    assert "loading the target" in drawn
    assert "184,200 (6,140/s)" in drawn
    assert "of the last inputs" in drawn


def test_counts_follow_verdicts(flips):
    board = CampaignView()
    for finding in flips:
        board.take(NewFinding(msgspec.structs.replace(finding, verdict="candidate")))
    assert board.counts() == f"0 faults (0 inputs), {len(flips)} to confirm"
    for finding in flips:
        board.take(Confirmed(finding))
    assert board.counts() == f"2 faults ({len(flips)} inputs)"


def test_entries_of_the_last_minute_are_counted():
    board = CampaignView()
    line = specimen._progress(False)[0]
    for seconds, entries in ((0.0, 10), (50.0, 30), (100.0, 35)):
        board.take(Tick(msgspec.structs.replace(line, seconds=seconds, entries=entries)))
    assert board.new_entries == 5


def test_a_machine_gets_every_event_as_json(flips):
    out, err = io.StringIO(), io.StringIO()
    panel = Panel(Terminal(json=True, out=out, err=err), "mlfuzz", "digits", None)
    events = [
        Started("t", "c", "d"), Tick(specimen._progress(False)[0]), NewFinding(flips[0]), Confirmed(flips[0]),
        Shrunk(flips[0]), WorkerDied("exit 3", 1, "execute"), Warned("w"),
        Ended(CampaignResult(1, Stop(StopReason.TIME), Stats(campaign="x", started=""), (), ())),
    ]  # fmt: skip
    for event in events:
        panel(event)
    kinds = [json.loads(line)["event"] for line in out.getvalue().splitlines()]
    assert kinds == ["started", "progress", "saved", "verdict", "shrunk", "died", "warning", "ended"]


def test_a_chain_is_told_once_and_as_simple_as_it_gets(shown):
    panel, out, _ = shown
    found = next(finding for finding, _ in specimen._flips("x") if finding.chain)
    unshrunk = msgspec.structs.replace(found, shrunk=False)
    panel(Confirmed(unshrunk))
    assert out.getvalue() == ""
    panel(Shrunk(unshrunk))
    panel(Shrunk(found))
    assert out.getvalue().count("NEW ") == 1
