"""How mlfuzz speaks to people and to machines: colours, tables, JSON, and nothing of the data taken for markup."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TextIO

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from mlfuzz.report.visible import visible

Colour = Literal["auto", "always", "never"]


class Terminal:
    """Where answers go. People read stdout, or stderr where `json` gives stdout to a machine.

    quiet: only results and errors. verbose: reasons and tracebacks too.
    """

    def __init__(
        self,
        *,
        json: bool = False,
        quiet: bool = False,
        verbose: bool = False,
        colour: Colour = "auto",
        out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:
        self.json, self.quiet, self.verbose = json, quiet, verbose
        self._machine = out or sys.stdout
        self._error = _console(err or sys.stderr, colour)
        self.console = self._error if json else _console(self._machine, colour)

    @property
    def live(self) -> bool:
        """Whether a panel may redraw itself."""
        return self.console.is_terminal and not self.quiet and not self.console.is_dumb_terminal

    def say(self, *parts: str | tuple[str, str]) -> None:
        """One line for people: strings, or (string, style) pairs. Nothing where `quiet`."""
        if not self.quiet:
            self.result(*parts)

    def result(self, *parts: str | tuple[str, str]) -> None:
        """One line that was asked for: also where `quiet`."""
        self._line(self.console, Text.assemble(*parts))

    def warn(self, text: str) -> None:
        self._line(self._error, Text.assemble(("warning: ", "yellow"), text))

    def error(self, text: str) -> None:
        self._line(self._error, Text.assemble(("error: ", "bold red"), text))

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Columns as wide as they need; the last one is not padded. Cells come from data: they are made safe here."""
        cells = [[visible(cell) for cell in row] for row in rows]
        widths = [max(cell_len(cell) for cell in column) for column in zip(heads, *cells, strict=True)]
        self.result((_row(heads, widths), "bold"))
        for row in cells:
            self.result(_row(row, widths))

    def emit(self, record: Any) -> None:
        """One JSON document on one line, for machines; only where `--json` was given."""
        if self.json:
            self._machine.write(msgspec.json.encode(record).decode() + "\n")
            self._machine.flush()

    def _line(self, console: Console, text: Text) -> None:
        console.print(text, soft_wrap=True)


class _Console(Console):
    """Rich ends the process with 1 where the reader has gone, which here means findings: let `main` decide."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join([*padded[:-1], cells[-1]]).rstrip()


def _console(file: TextIO, colour: Colour) -> Console:
    return _Console(
        file=file,
        markup=False,
        emoji=False,
        highlight=False,
        force_terminal=True if colour == "always" else None,
        no_color={"always": False, "never": True}.get(colour),
        color_system="standard" if colour == "always" else "auto",
    )
