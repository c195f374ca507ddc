"""What reaches a terminal, and what reaches a machine."""

from __future__ import annotations

import io
import json

from mlfuzz.cli.terminal import Terminal


def spoken(**options) -> tuple[Terminal, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Terminal(out=out, err=err, **options), out, err


def test_markup_in_text_is_text():
    terminal, out, _ = spoken()
    terminal.say("[red]x[/red] :boom: https://example.org")
    assert out.getvalue() == "[red]x[/red] :boom: https://example.org\n"


def test_a_machine_gets_stdout_and_people_stderr():
    terminal, out, err = spoken(json=True)
    terminal.say("hello")
    terminal.emit({"a": float("nan"), "b": "\u202e"})
    assert json.loads(out.getvalue()) == {"a": None, "b": "\u202e"}
    assert err.getvalue() == "hello\n"


def test_without_json_nothing_is_emitted():
    terminal, out, _ = spoken()
    terminal.emit({"a": 1})
    assert out.getvalue() == ""


def test_quiet_leaves_results_and_errors():
    terminal, out, err = spoken(quiet=True)
    terminal.say("chatter")
    terminal.result("result")
    terminal.warn("careful")
    terminal.error("broken")
    assert out.getvalue() == "result\n"
    assert err.getvalue() == "warning: careful\nerror: broken\n"


def test_a_long_line_is_not_broken():
    terminal, out, _ = spoken()
    terminal.say("x" * 300)
    assert out.getvalue() == "x" * 300 + "\n"


def test_columns_line_up_with_wide_characters_and_hostile_cells_are_made_safe():
    terminal, out, _ = spoken()
    terminal.table(("name", "n"), [("中文", "1"), ("abcd", "2"), ("\x1b[2J", "3")])
    assert out.getvalue().splitlines() == ["name     n", "中文     1", "abcd     2", "\\x1b[2J  3"]


def test_colours_can_be_forced_and_forbidden():
    for colour, coloured in (("always", True), ("never", False), ("auto", False)):
        terminal, _, err = spoken(colour=colour)
        terminal.error("x")
        assert ("\x1b[" in err.getvalue()) == coloured
