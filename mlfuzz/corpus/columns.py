"""Data sets of Hugging Face: parquet and arrow files, read through pyarrow where whoever runs this has installed it."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from mlfuzz.corpus.label_files import LABEL_COLUMNS
from mlfuzz.corpus.places import Place, Refuse, Warn
from mlfuzz.corpus.tables import cell_of, plain_name
from mlfuzz.errors import BadInputError

COLUMN_FILES = (".parquet", ".arrow")
MAX_COLUMN_BYTES = 4 << 30

NEEDED = "pip install pyarrow"

Row = tuple[str, str | None, bytes, str]


def column_rows(
    place: Place, columns: Sequence[str], labels: Sequence[str], refuse: Refuse, warn: Warn
) -> Iterator[Row]:
    """The rows of a file: bytes of pictures and sounds, or texts; labels by the names that the file has for them.

    Raises BadInputError.
    """
    table = _table(place)
    called = {plain_name(name): name for name in table.column_names}
    inputs = next((called[name] for name in columns if name in called), None)
    if inputs is None:
        raise BadInputError(
            f"{place.suffix}: no column of inputs", f"it has {', '.join(table.column_names)[:80]}",
            remedy=f"call one of them {columns[0]}",
        )  # fmt: skip
    label = next((called[name] for name in LABEL_COLUMNS if name in called and called[name] != inputs), None)
    return _rows(table, place, inputs, label, refuse)


def _table(place: Place) -> Any:
    data = place.read(MAX_COLUMN_BYTES)
    try:
        arrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise BadInputError(f"{place.suffix}: read through pyarrow", remedy=NEEDED) from error
    try:
        if place.suffix == ".parquet":
            return parquet.read_table(io.BytesIO(data))
        if data.startswith(b"ARROW1"):
            return arrow.ipc.open_file(io.BytesIO(data)).read_all()
        return arrow.ipc.open_stream(io.BytesIO(data)).read_all()
    except Exception as error:  # pyarrow's own types, which cannot be named without it
        raise BadInputError("damaged table", f"{type(error).__name__}: {error}") from error


def _rows(table: Any, place: Place, inputs: str, label: str | None, refuse: Refuse) -> Iterator[Row]:
    names = _class_names(table, label)
    digits = len(str(max(table.num_rows - 1, 0)))
    values, given = table.column(inputs), None if label is None else table.column(label)
    for at in range(table.num_rows):
        number = f"{at:0{digits}d}"
        value = values[at].as_py()
        if isinstance(value, dict):
            value = value.get("bytes")
        own = None if given is None else cell_of(given[at].as_py())
        own = names[int(own)] if own and own.isdigit() and int(own) < len(names) else own
        if isinstance(value, str):
            yield number, own or None, value.encode("utf-8", "surrogatepass"), ".txt"
        elif isinstance(value, bytes):
            yield number, own or None, value, ""
        else:
            refuse("a row without an input", f"{place.name}[{number}]", "")


def _class_names(table: Any, label: str | None) -> list[str]:
    """As the datasets package stores them beside the columns."""
    try:
        stored = json.loads((table.schema.metadata or {})[b"huggingface"])
        return [str(name) for name in stored["info"]["features"][label]["names"]]
    except (KeyError, TypeError, ValueError):
        return []
