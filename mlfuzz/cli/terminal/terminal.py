"""How mlfuzz speaks to people and to machines: colours, tables, JSON, and nothing of the data taken for markup."""

from __future__ import annotations

import io
import json as plain_json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Any, Literal, TextIO, TypeAlias

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from mlfuzz.cli.terminal.streams import outlet_of, showable
from mlfuzz.report.visible import json_text, visible

Colour = Literal["auto", "always", "never"]


Part: TypeAlias = str | tuple[str, str]
Parts: TypeAlias = Sequence[Part]
"""Of one line: strings, or (string, style) pairs."""

GAP = 2
"""Spaces between columns."""

LEAST_LAST = 16
"""The last column may be cut to this; a narrower one says nothing."""

NO_TITLES: Mapping[int, Parts] = MappingProxyType({})


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

    def say(self, *parts: Part) -> None:
        """One line for people: strings, or (string, style) pairs. Nothing where `quiet`."""
        if not self.quiet:
            self.result(*parts)

    def result(self, *parts: Part) -> None:
        """One line that was asked for: also where `quiet`."""
        self._line(self.console, *parts)

    def warn(self, text: str) -> None:
        """To stderr, also where `quiet`."""
        self._line(self._error, ("warning: ", "yellow"), text)

    def answer(self, text: str) -> None:
        """To stderr, also where `quiet`: to somebody who waits for a word. text: safe to show."""
        self._line(self._error, text)

    def error(self, text: str) -> None:
        """To stderr, also where `quiet`."""
        self._line(self._error, ("error: ", "bold red"), text)

    def table(
        self,
        heads: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        titles: Mapping[int, Parts] = NO_TITLES,
        whole: bool = False,
    ) -> None:
        """Columns as wide as they need; the last one is not padded. Cells come from data: they are made safe here.

        titles: a line that stands before the row of that number. On a terminal that is too narrow the last column is
        cut; where that does not help, or where `whole` asks for every word, each row becomes a few lines, wrapped.
        """
        cells = [[self.shown(visible(cell)) for cell in row] for row in rows]
        widths = [max(cell_len(cell) for cell in column) for column in zip(heads, *cells, strict=True)]
        room = self.console.width if self.console.is_terminal else 0
        last = room - sum(widths[:-1]) - GAP * (len(widths) - 1) if room else 0
        if room and last < (widths[-1] if whole else min(widths[-1], LEAST_LAST)):
            self._stacked(heads, cells, titles, room)
            return
        self.result((_row(heads, widths), "bold"))
        for at, row in enumerate(cells):
            if at in titles:
                self.result(*titles[at])
            self.result(_row([*row[:-1], _cut(row[-1], last)] if room else row, widths))

    def _stacked(
        self, heads: Sequence[str], cells: Sequence[Sequence[str]], titles: Mapping[int, Parts], room: int
    ) -> None:
        """A row as its first cell, and the others below it with their heads, as many on a line as fit."""
        for at, row in enumerate(cells):
            if at in titles:
                self.result(*titles[at])
            parts = [f"{head} {cell}" for head, cell in zip(heads[1:], row[1:], strict=True) if cell.strip()]
            self.result((_cut(row[0], room), "bold"))
            line = ""
            for part in parts:
                if line and cell_len(line) + GAP + cell_len(part) > room - GAP:
                    self._indented(line, room)
                    line = ""
                line += f"  {part}" if line else part
            if line:
                self._indented(line, room)

    def _indented(self, text: str, room: int) -> None:
        """Below a row's first cell; what does not fit on a line goes on below, further in."""
        fits = cell_len(text) <= room - GAP
        pieces = [text] if fits else _wrapped(text, max(LEAST_LAST, room - 2 * GAP))
        for at, piece in enumerate(pieces):
            self.result(" " * (GAP if at == 0 else 2 * GAP) + piece)

    def emit(self, record: Any) -> None:
        """One JSON document on one line, for machines; only where `--json` was given."""
        if self.json:
            self._machine.write(_document(record, self._machine) + "\n")
            self._machine.flush()

    def shown(self, text: str) -> str:
        """As people's stream will show it: what it has no character for is an escape, and as wide as one."""
        return showable(text, self.console.file)

    @contextmanager
    def hurry(self) -> Iterator[None]:
        """Within, a reader who does not read holds nothing up."""
        with ExitStack() as stack:
            for stream in (self._machine, self._error.file):
                if (outlet := outlet_of(stream)) is not None:
                    stack.enter_context(outlet.hurry())
            yield

    def _line(self, console: Console, *parts: Part) -> None:
        """Whatever a caller has left in its parts, a terminal obeys none of it."""
        safe = (
            visible(part, keep="\n") if isinstance(part, str) else (visible(part[0], keep="\n"), part[1])
            for part in parts
        )
        console.print(Text.assemble(*safe), soft_wrap=True)


_PLAIN = Console(file=io.StringIO(), markup=False, emoji=False, highlight=False, color_system=None)
"""Rich asks for a console where it breaks lines; nothing is written to this one."""


class _Console(Console):
    """Rich ends the process with 1 where the reader has gone, which here means findings: let `application` decide."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _document(record: Any, stream: TextIO) -> str:
    """JSON on one line. Where the stream has no character for something, it is an escape of JSON's own."""
    try:
        text = json_text(msgspec.json.encode(record).decode())
    except UnicodeEncodeError:  # a lone surrogate: the name of a file that is no UTF-8
        text = plain_json.dumps(_finite(msgspec.to_builtins(record)), separators=(",", ":"))
    return (
        text if showable(text, stream) == text else _NOT_ASCII.sub(lambda found: plain_json.dumps(found[0])[1:-1], text)
    )


def _finite(value: Any) -> Any:
    """JSON knows no NaN and no infinity: null, as everywhere else."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)]
    return (" " * GAP).join([*padded[:-1], cells[-1]]).rstrip()


def _cut(text: str, room: int) -> str:
    return text if cell_len(text) <= room else f"{set_cell_size(text, max(0, room - 3)).rstrip()}..."


def _wrapped(text: str, room: int) -> list[str]:
    """In pieces of at most `room` cells, broken between words where there are any."""
    return [line.plain.rstrip() for line in Text(text).wrap(_PLAIN, room)]


def _console(file: TextIO, colour: Colour) -> Console:
    console = _Console(
        file=file,
        markup=False,
        emoji=False,
        highlight=False,
        force_terminal=True if colour == "always" else None,
        no_color={"always": False, "never": True}.get(colour),
        color_system="standard" if colour == "always" else "auto",
    )
    if console.no_color:  # rich would leave bold and dim; who wants no colour wants no escape codes in a log
        console = _Console(file=file, markup=False, emoji=False, highlight=False, color_system=None)
    return console
