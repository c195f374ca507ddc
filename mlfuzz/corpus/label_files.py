"""A table of labels beside the seeds: labels.csv and its like, in the dialects that people and programs write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mlfuzz.corpus.files import listed, plain, some
from mlfuzz.corpus.label_match import matched
from mlfuzz.corpus.places import Place, Refuse, Warn
from mlfuzz.corpus.tables import Table, plain_name, read_table
from mlfuzz.errors import BadInputError, SeedError

MAX_TABLE_BYTES = 256 << 20

NAMES = ("labels.csv", "labels.tsv", "labels.jsonl", "metadata.csv", "metadata.jsonl")
"""Looked for at the top of the seeds, the first one there is read. metadata: of Hugging Face's image folders."""

FILE_COLUMNS = (
    "file", "filename", "file_name", "path", "filepath", "file_path", "image", "image_path", "image_name", "image_id",
    "img", "img_path", "img_name", "audio", "audio_path", "audio_file", "wav", "wav_path", "clip", "fname", "name",
    "id",
)  # fmt: skip
LABEL_COLUMNS = (
    "label", "labels", "class", "class_name", "classname", "category", "target", "y", "label_name", "class_id",
    "class_label", "tag", "species", "sentiment", "finding", "diagnosis",
)  # fmt: skip
MOST_COLUMNS = 24
"""Beside file and label: in more of them chance would show something anywhere."""

TRIED = 200
"""Lines in which a column of files is looked for where none is called so: a table may have a thousand columns."""

ADVICE = "its first line must be: file,label"


@dataclass(slots=True)
class Given:
    """name: of the table. labels: by the name of the seed; None where the table has none for it.
    columns: all else that the table says, by the name of the seed. taken: names of files
    that are no seeds, since they are the table."""

    name: str
    labels: dict[str, str | None] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)


def given_labels(
    places: Sequence[Place], labels: Sequence[str], texts: Sequence[str], refuse: Refuse, warn: Warn
) -> Given | None:
    """What a table at the top says; None where there is none.

    labels: the target's, which may be columns of ones and zeros. texts: columns that make a table one of inputs.
    Raises SeedError where the table cannot be understood, or names nothing that is there.
    """
    tables = {place.name.lower(): place for place in reversed(places) if place.name.lower() in NAMES}
    called = [name for name in NAMES if name in tables]
    for name in called:
        place = tables[name]
        table = _read(place)
        seeds = [one.name for one in places if one is not place]
        columns = _columns(table, seeds, labels)
        if columns is None and (name.startswith("metadata") or table.column(texts) is not None):
            continue
        if columns is None:
            raise SeedError(f"{place.name} begins with {plain(','.join(table.header))[:80]}; {ADVICE}")
        if table.coding:
            warn(f"{place.name} is not UTF-8; it is read as {table.coding}")
        return Given(
            place.name, _labels(place.name, table, columns, seeds, refuse, warn), _others(table, columns, seeds)
        )
    return None


def _read(place: Place) -> Table:
    try:
        data = place.read(MAX_TABLE_BYTES)
    except BadInputError as error:
        raise SeedError(f"{place.path} cannot be read: {error}") from error
    return read_table(data, place.name, (*FILE_COLUMNS, *LABEL_COLUMNS))


@dataclass(frozen=True, slots=True)
class _Columns:
    """file, label: their places. hot: columns of ones and zeros, by label. headless: there is no first line."""

    file: int
    label: int = -1
    hot: tuple[tuple[int, str], ...] = ()
    headless: bool = False

    def of(self, cells: Sequence[str]) -> str | None:
        if self.hot:
            ones = [label for at, label in self.hot if at < len(cells) and _is_one(cells[at])]
            return ones[0] if len(ones) == 1 else None
        return (cells[self.label].strip() or None) if self.label < len(cells) else None


def _is_one(cell: str) -> bool:
    try:
        return float(cell) == 1
    except ValueError:
        return cell.strip().lower() in ("true", "yes", "x")


def _columns(table: Table, seeds: Sequence[str], labels: Sequence[str]) -> _Columns | None:
    """Which column names files and which labels: by their names, else by what is in them."""
    file, label = table.column(FILE_COLUMNS), table.column(LABEL_COLUMNS)
    if file is None:
        file, headless = _naming(table, seeds)
        if file is None:
            return None
        if headless:
            others = [at for at in range(len(table.header)) if at != file]
            return _Columns(file, others[0], headless=True) if others else None
    if label is not None and label != file:
        return _Columns(file, label)
    called = {plain_name(cell): at for at, cell in enumerate(table.header)}
    hot = tuple((called[plain_name(one)], one) for one in labels if plain_name(one) in called)
    if len(hot) > 1:
        return _Columns(file, hot=hot)
    others = [at for at, cell in enumerate(table.header) if at != file and cell.strip()]
    return _Columns(file, others[0]) if len(others) == 1 else None


def _naming(table: Table, seeds: Sequence[str]) -> tuple[int | None, bool]:
    """The column that names seeds, and whether the first line does too."""
    lines = [table.header, *(cells for _, cells in table.rows[:TRIED])]
    best, most, headless = None, 0, False
    for at in range(len(table.header)):
        found, _ = matched([cells[at] if at < len(cells) else "" for cells in lines], seeds)
        count = sum(one is not None for one in found)
        if count > most:
            best, most, headless = at, count, found[0] is not None
    return best, headless


def _others(table: Table, columns: _Columns, seeds: Sequence[str]) -> dict[str, dict[str, str]]:
    """What stands in the columns that are neither file nor label."""
    used = {columns.file, columns.label, *(at for at, _ in columns.hot)}
    others = [(at, cell.strip()) for at, cell in enumerate(table.header) if at not in used and cell.strip()]
    if columns.headless or not others:
        return {}
    others = others[:MOST_COLUMNS]
    named = [cells for _, cells in table.rows if len(cells) > columns.file and cells[columns.file].strip()]
    found, _ = matched([cells[columns.file] for cells in named], seeds)
    return {
        file: {name: cells[at].strip() for at, name in others if at < len(cells) and cells[at].strip()}
        for file, cells in zip(found, named, strict=True)
        if file is not None
    }


def _labels(
    name: str, table: Table, columns: _Columns, seeds: Sequence[str], refuse: Refuse, warn: Warn
) -> dict[str, str | None]:
    rows = [(1, table.header), *table.rows] if columns.headless else table.rows
    named = [(line, cells) for line, cells in rows if len(cells) > columns.file and cells[columns.file].strip()]
    found, words = matched([cells[columns.file] for _, cells in named], seeds)
    if not any(found):
        first = f"the first is {plain(named[0][1][columns.file])!r}" if named else "it has no lines"
        there = f", and here is {plain(seeds[0])!r}" if seeds else ""
        raise SeedError(
            f"{name}: none of its {listed(len(named), 'line', 'lines')} names a file that is there ({first}"
            f'{there}); write each as it lies below the folder, with "/"'
        )
    if words:
        at = next(at for at, one in enumerate(found) if one)
        example = f"{plain(named[at][1][columns.file])} is {plain(str(found[at]))}"
        warn(f"{name} names files {words}: {example}")
    given: dict[str, str | None] = {}
    twice, short = [], []
    for (line, cells), file in zip(named, found, strict=True):
        if not columns.hot and len(cells) <= columns.label:
            short.append(str(line))
            continue
        label = columns.of(cells)
        if file is None:
            refuse(
                f"named in {name} but not there", cells[columns.file], 'write it as it lies below the folder, with "/"'
            )
            continue
        if file in given and given[file] != label:
            twice.append(file)
        given[file] = label
    if short:
        warn(f"{name} has no label in line {some(short)}")
    if twice:
        warn(f"{name} gives {some(twice)} two labels; the last one counts")
    return given
