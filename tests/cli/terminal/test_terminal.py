"""What reaches a terminal, and what reaches a machine."""

from __future__ import annotations

import io
import json

from mlfuzz.cli.terminal.terminal import Terminal


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


def test_no_color_leaves_out_every_style(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    terminal, out, _ = spoken()
    terminal.result(("bold", "bold"), (" dim", "dim"), (" red", "red"))
    assert out.getvalue() == "bold dim red\n"


def narrow(monkeypatch, columns: int) -> tuple[Terminal, io.StringIO]:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    terminal, out, _ = spoken()
    assert terminal.console.is_terminal
    return terminal, out


def test_on_a_narrow_terminal_the_last_column_is_cut(monkeypatch):
    terminal, out = narrow(monkeypatch, 30)
    terminal.table(("name", "change"), [("abcdef", "x" * 60)])
    assert out.getvalue().splitlines() == ["name    change", "abcdef  " + "x" * 19 + "..."]


def test_where_cutting_does_not_help_a_row_becomes_a_few_lines(monkeypatch):
    terminal, out = narrow(monkeypatch, 24)
    rows = [("campaign-one", "12 s", "184,210", "3"), ("two", "1 s", "", "0")]
    terminal.table(("campaign", "time", "inputs", "faults"), rows, titles={1: ["then"]})
    assert out.getvalue().splitlines() == [
        "campaign-one", "  time 12 s", "  inputs 184,210", "  faults 3", "then", "two", "  time 1 s  faults 0"
    ]  # fmt: skip
    assert max(map(len, out.getvalue().splitlines())) <= 24


def test_a_table_that_is_shown_whole_is_wrapped_between_words(monkeypatch):
    terminal, out = narrow(monkeypatch, 40)
    text = "every mutant that does not fail becomes an entry, and any entry is mutated"
    terminal.table(("name", "what it does"), [("accept", text), ("walk", "one step")], whole=True)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 40
    assert " ".join(" ".join(lines).split()) == f"accept what it does {text} walk what it does one step"
    assert lines[2].startswith("    ")


def test_what_goes_into_a_file_is_never_cut():
    terminal, out, _ = spoken()
    terminal.table(("name", "change"), [("abcdef", "x" * 300)])
    assert "x" * 300 in out.getvalue()
