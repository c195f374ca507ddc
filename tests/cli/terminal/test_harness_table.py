from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from mlfuzz.cli.terminal.announcements import MOST_NEWS
from mlfuzz.cli.terminal.harness_table import harness_table
from mlfuzz.cli.terminal.panel import Panel, new_line
from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.events import Broken, Confirmed, NewFinding, SeedsReady, Shrunk, Tick, Warned
from mlfuzz.findings.finding import FileRef, Finding
from mlfuzz.progress import Progress

ROW = {
    "name": "toy", "executions": 12_345, "seconds": 3.0, "edges": 120, "features": 300, "corpus": 40, "failures": 7,
    "buckets": 2, "restarts": 1, "broken": "",
}  # fmt: skip


def finding(number=1, verdict="confirmed", **changes):
    fields = {
        "id": f"{number:016x}", "side": "code", "kind": "exception", "target": "toy", "observed": "KeyError",
        "input": FileRef("input.bin", "0" * 64), "fault": f"f{number}", "verdict": verdict, "message": "'x'",
        "evidence": {"frames": ["pkg/part.py:12:read"], "size": 26, "seconds": 0.25, "mebibytes": 900.0},
    }  # fmt: skip
    return Finding(**{**fields, **changes})


def tick(**changes):
    return Progress(**{
        "life": "w", "seconds": 10.0, "inputs": 12_345, "batches": 1, "inputs_per_s": 1234.0, "entries": 40, "seeds": 3,
        "candidates": 1, "failing": 7, "p_new": 0.01, "since_new_s": 2.0,
        "coverage": {"edges": 120.0, "features": 300.0}, **changes,
    })  # fmt: skip


@pytest.fixture
def out():
    return io.StringIO()


@pytest.fixture
def panel(out):
    return Panel(Terminal(out=out, err=out, colour="never"), "title", "toy", 30.0, draw=harness_table)


def test_a_new_fault_is_told_once_with_place_size_cost_and_command(panel, out):
    panel(NewFinding(finding(verdict="candidate")))
    assert out.getvalue() == ""
    panel(Confirmed(finding()))
    panel(Confirmed(finding(2, fault="f1")))
    panel(Confirmed(finding(3, verdict="flaky")))
    (line,) = out.getvalue().splitlines()
    assert line == (
        "NEW exception KeyError  'x'  pkg/part.py:12:read  26 bytes  0.25 s  900 MiB   mlfuzz replay 0000000000"
    )
    assert panel.board.counts() == "1 fault (2 inputs), 1 flaky"


def test_after_many_faults_they_are_counted(panel, out):
    for number in range(MOST_NEWS + 5):
        panel(Confirmed(finding(number + 1)))
    assert out.getvalue().count("NEW") == MOST_NEWS
    assert "further faults are counted" in out.getvalue()


def test_a_harness_says_how_it_was_imported_and_why_it_was_left_out(panel, out):
    panel(SeedsReady("toy", 1.5, True, 3, ("no coverage of native _x",), ("imported too late to be seen: y",)))
    panel(Broken("odd", "it does not import"))
    panel(Warned("something"))
    text = out.getvalue()
    assert "toy: imported in 1.50 s, from the cache; 3 seeds; no coverage of native _x" in text
    assert "warning: toy: imported too late to be seen: y" in text
    assert "warning: odd is left out: it does not import" in text


def test_a_log_line_has_the_figures(panel):
    assert panel.board.line("toy") == "toy starting"
    panel(Tick(tick(), harnesses={"toy": ROW}))
    assert "edges=120" in panel.board.line("toy")
    assert "inputs=12.3k" in panel.board.line("toy")


def test_the_panel_has_a_row_for_each_harness(panel):
    assert "importing" in drawn(panel)
    panel(Tick(tick(), harnesses={"toy": ROW, "odd": {**ROW, "name": "odd", "broken": "why"}}))
    text = drawn(panel)
    assert "12.3k" in text
    assert "broken" in text


def test_machines_get_one_document_an_event():
    out, err = io.StringIO(), io.StringIO()
    panel = Panel(Terminal(json=True, out=out, err=err, colour="never"), "title", "toy", None)
    for event in (SeedsReady("toy", 1.0, False, 2), Tick(tick(), harnesses={"toy": ROW}), Confirmed(finding())):
        panel(event)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["ready", "progress", "verdict"]
    assert lines[0] == {
        "event": "ready", "harness": "toy", "seconds": 1.0, "cached": False, "seeds": 2, "notes": [], "warnings": [],
    }  # fmt: skip
    assert (lines[1]["harnesses"], lines[1]["inputs"]) == ({"toy": ROW}, 12_345)


def test_a_minimised_finding_is_its_verdict_once_more_to_a_machine():
    out = io.StringIO()
    panel = Panel(Terminal(json=True, out=out, err=io.StringIO()), "title", "toy", None)
    panel(Shrunk(finding()))
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["verdict", "shrunk"]


def test_hostile_words_cannot_steer_a_terminal():
    parts = new_line(finding(message="\x1b[2J", observed="\u202eevil", evidence={"frames": ["\x07"]}))
    text = "".join(part if isinstance(part, str) else part[0] for part in parts)
    assert text.isprintable()


def drawn(panel):
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(panel._draw())
    return console.file.getvalue()
