"""Texts as columns of a table: one a line of a CSV or JSON lines file, with or without a label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlfuzz.corpus.files import plain
from mlfuzz.corpus.label_files import LABEL_COLUMNS, MAX_TABLE_BYTES
from mlfuzz.corpus.places import Place, Refuse, Warn
from mlfuzz.corpus.tables import TABLES, Table, read_table
from mlfuzz.errors import BadInputError
from mlfuzz.modality.base import Modality
from mlfuzz.modality.parts import parts_of

Row = tuple[str, str | None, bytes, str]
"""Its number, its label, and the bytes and suffix of a file that would hold it."""

NO_LABEL = "-1"
"""What data sets without labels have in their place."""


def reads(place: Place, modality: Modality) -> bool:
    """Whether a file is a table of such inputs, by its name."""
    return place.suffix in TABLES and parts_of(modality).plain_columns


def table_rows(
    place: Place, columns: Sequence[str], labels: Sequence[str], refuse: Refuse, warn: Warn
) -> Iterator[Row]:
    """The lines of a table; those without an input are refused. Raises SeedError, BadInputError."""
    table = read_table(place.read(MAX_TABLE_BYTES), place.name, (*columns, *LABEL_COLUMNS))
    if table.coding:
        warn(f"{place.name} is not UTF-8; it is read as {table.coding}")
    at = table.column(columns)
    label = table.column(LABEL_COLUMNS)
    rows = table.rows
    if at is None:
        at, label = _by_content(table, place, labels)
        rows = [(1, table.header), *rows]
        warn(f"{place.name} has no column that is called {columns[0]}: column {at + 1} is taken for it")
    return _cells(place, rows, at, label, refuse)


def _cells(
    place: Place, rows: Sequence[tuple[int, list[str]]], at: int, label: int | None, refuse: Refuse
) -> Iterator[Row]:
    digits = len(str(rows[-1][0])) if rows else 1
    for line, cells in rows:
        if len(cells) <= at:
            refuse("a line without a text", f"{place.name}[{line}]", "")
            continue
        own = cells[label].strip() if label is not None and label < len(cells) else ""
        yield (
            f"{line:0{digits}d}",
            None if own in ("", NO_LABEL) else own,
            cells[at].encode("utf-8", "surrogatepass"),
            ".txt",
        )


def _by_content(table: Table, place: Place, labels: Sequence[str]) -> tuple[int, int | None]:
    """Of a table whose first line is data: the column of the longest texts, and one of labels. Raises BadInputError."""
    lines = [table.header, *(cells for _, cells in table.rows)]
    width = len(table.header)
    called = [cell for cell in table.header if cell.strip()]
    if (
        width > 1
        and len(lines) > 1
        and not any(" " in cell.strip() for cell in called)
        and not _labelled(lines, labels)
    ):
        raise BadInputError(
            "a table without a column of texts", f"its columns are {plain(', '.join(table.header))[:80]}",
            remedy="call the column of texts: text",
        )  # fmt: skip
    lengths = [sum(len(cells[at]) for cells in lines if at < len(cells)) for at in range(width)]
    text = max(range(width), key=lambda one: lengths[one])
    others = [one for one in range(width) if one != text]
    known = [one for one in others if {cells[one].strip() for cells in lines if one < len(cells)} <= set(labels)]
    return text, known[0] if known else others[0] if len(others) == 1 else None


def _labelled(lines: Sequence[Sequence[str]], labels: Sequence[str]) -> bool:
    return any(cell.strip() in labels for cell in lines[0])
