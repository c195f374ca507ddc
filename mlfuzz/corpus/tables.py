"""Tables as people and programs write them: CSV of any separator and coding, TSV, JSON lines. Nothing in them runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from mlfuzz.decoding import require_shallow
from mlfuzz.errors import SeedError

SEPARATORS = ",;\t|"
TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")


@dataclass(slots=True)
class Table:
    """header: cells of the first line as they stand; of JSON the keys. rows: (line, cells), as texts.

    coding: what it was read as where it is not UTF-8.
    """

    header: list[str]
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    coding: str = ""

    def column(self, names: Sequence[str]) -> int | None:
        """The first that is called by one of these, the earlier ones of them first; case and blanks do not count."""
        called = [plain_name(cell) for cell in self.header]
        return next((called.index(name) for name in names if name in called), None)


def plain_name(cell: str) -> str:
    """A column's name without what people write otherwise: "File Name" and "file-name" are file_name."""
    return cell.strip().strip("\"'").strip().lower().replace(" ", "_").replace("-", "_")


def read_table(data: bytes, name: str, wanted: Sequence[str] = ()) -> Table:
    """name: as it is told, whose suffix says what it is. wanted: columns by which its separator is known.

    Raises SeedError.
    """
    if not data.strip(b"\0 \r\n\t"):
        raise SeedError(f"{name} cannot be read: empty file; its first line must be: file,label")
    text, coding = _text(data, name)
    table = _json_lines(text, name) if name.lower().endswith((".jsonl", ".ndjson")) else _cells(text, name, wanted)
    table.coding = coding
    return table


def _text(data: bytes, name: str) -> tuple[str, str]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16"), ""
        except UnicodeDecodeError as error:
            raise SeedError(f"{name} cannot be read: {error}; save it as UTF-8") from error
    try:
        return data.decode("utf-8-sig"), ""
    except UnicodeDecodeError as error:
        if b"\0" in data:
            raise SeedError(f"{name} cannot be read: {error}; save it as UTF-8") from error
    try:
        return data.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError as error:
        raise SeedError(f"{name} cannot be read: {error}; save it as UTF-8") from error


def _cells(text: str, name: str, wanted: Sequence[str]) -> Table:
    first, _, rest = text.partition("\n")
    offset = 0
    if first.strip().lower().startswith("sep=") and len(first.strip()) == len("sep=") + 1:
        text, offset, separators = rest, 1, first.strip()[-1]
    else:
        separators = SEPARATORS
    separator = max(separators, key=lambda one: _fit(text, one, wanted))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num + offset, cells))
    except csv.Error as error:
        raise SeedError(f"{name}, line {reader.line_num + offset}: {error}") from error
    return Table(rows[0][1], rows[1:]) if rows else Table([])


def _fit(text: str, separator: str, wanted: Sequence[str]) -> tuple[int, int]:
    """How many wanted columns the first line has if so separated, and how many at all."""
    line = next((line for line in text[:100_000].splitlines() if line.strip()), "")
    try:
        cells = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return 0, 0
    return sum(plain_name(cell) in wanted for cell in cells), len(cells)


def _json_lines(text: str, name: str) -> Table:
    found: list[tuple[int, dict[str, str]]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            found.append((number, _record(line, f"{name}, line {number}")))
    header = list(dict.fromkeys(key for _, record in found for key in record))
    return Table(header, [(number, [record.get(key, "") for key in header]) for number, record in found])


def _record(line: str, where: str) -> dict[str, str]:
    try:
        require_shallow(line.encode("utf-8", "surrogatepass"))
        record = json.loads(line)
    except ValueError as error:  # msgspec's and json's among them
        raise SeedError(f"{where}: {error}") from error
    if not isinstance(record, dict):
        raise SeedError(f'{where}: no object; write {{"file": ..., "label": ...}}')
    return {str(key): cell_of(value) for key, value in record.items()}


def cell_of(value: object) -> str:
    """As a CSV file would have it; of a list of one, what is in it."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, list | dict) else str(value)
