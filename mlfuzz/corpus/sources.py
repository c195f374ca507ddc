"""What may be a seed in a folder, an archive, a table or a stack of arrays: each with its label, and not read yet."""

from __future__ import annotations

import io
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.corpus import text_tables
from mlfuzz.corpus.archives import members, read_in_place
from mlfuzz.corpus.array_values import as_pixels, as_samples
from mlfuzz.corpus.arrays import MAX_ARRAY_BYTES, ArrayStack, item_bytes, read_stack
from mlfuzz.corpus.columns import COLUMN_FILES, column_rows
from mlfuzz.corpus.files import folder_places, listed, plain, printable, some
from mlfuzz.corpus.folder_labels import folder_label
from mlfuzz.corpus.label_files import given_labels
from mlfuzz.corpus.places import Place, Refuse, Warn
from mlfuzz.corpus.strange import ARCHIVE, archive_named, unpacking
from mlfuzz.errors import BadInputError, ConfigError, SeedError
from mlfuzz.modality.base import Modality, read_guarded
from mlfuzz.modality.parts import parts_of

STACKS = (".npz", ".npy")
"""Arrays are a seed for each part, so such a file is given alone; in a folder .npy may be one picture."""

CLASS = ".cls"
"""Beside a member of a webdataset's shard: its class."""

MAX_CLASS_BYTES = 1 << 10

_OWN = "save arrays: np.savez('seeds.npz', x={})"
_SOUND = "write it as another: ffmpeg -i OLD NEW.wav"
EXPORTS = {
    ".pt": _OWN.format("torch.load(FILE, weights_only=True).numpy()"),
    ".pth": _OWN.format("torch.load(FILE, weights_only=True).numpy()"),
    ".pkl": _OWN.format("np.asarray(pickle.load(open(FILE, 'rb')))"),
    ".pickle": _OWN.format("np.asarray(pickle.load(open(FILE, 'rb')))"),
    ".mat": _OWN.format("scipy.io.loadmat(FILE)['x']"),
    ".h5": _OWN.format("h5py.File(FILE)['x'][:]"),
    ".hdf5": _OWN.format("h5py.File(FILE)['x'][:]"),
    ".m4a": _SOUND, ".aac": _SOUND, ".aif": _SOUND, ".aiff": _SOUND, ".w64": _SOUND, ".caf": _SOUND, ".amr": _SOUND,
    ".wma": _SOUND, ".webm": _SOUND, ".mp4": _SOUND, ".mov": _SOUND,
}  # fmt: skip
"""What to do about files that may run code, or that need another package. A pickle is opened by whoever trusts it."""


@dataclass(frozen=True, slots=True)
class Source:
    """One seed before it is read. read: the bytes of a file, and its suffix. Raises BadInputError.

    path: of the file on the disk, for what to do about it; None where it is one of many in a file.
    columns: what a table says of it beside the label.
    """

    name: str
    label: str | None
    read: Callable[[], tuple[bytes, str]]
    path: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """What sources are read for. labels: the target's. stack: keeps archives open. refuse, warn: told of the rest."""

    modality: Modality
    labels: Sequence[str]
    stack: ExitStack
    refuse: Refuse
    warn: Warn

    @property
    def most(self) -> int:
        """Bytes of a file."""
        return parts_of(self.modality).most_bytes

    @property
    def columns(self) -> tuple[str, ...]:
        """Of tables, that hold such inputs."""
        return parts_of(self.modality).columns


def sources_of(path: Path, reading: Reading) -> list[Source]:
    """All below a folder, in an archive, a table or arrays, or the one file. Raises SeedError, ConfigError."""
    if path.is_dir():
        return _tree(folder_places(path, refuse=reading.refuse, warn=reading.warn), reading)
    if not path.exists():
        raise ConfigError(f"{path} is not there; give a folder of seeds, a file, or arrays: --seeds PATH")
    # Named by the user: a link given in so many words is followed to what it names, whatever that is called.
    named, real = printable(Path(path.name)), path.resolve()
    suffix = path.suffix.lower()
    if suffix in STACKS:
        return _stacked(real, suffix, reading)
    place = Place(named, real, lambda most: read_guarded(real, max_bytes=most))
    if read_in_place(path.name):
        try:
            return _tree(members(real, reading.stack, reading.refuse), reading)
        except BadInputError as error:
            reading.refuse(error.reason, named, error.remedy)
            return []
    if place.suffix not in reading.modality.reads and _is_table(place, reading):
        return list(_rows(place, reading))
    if kind := archive_named(path.name):
        reading.refuse(ARCHIVE, named, unpacking(kind, path))
        return []
    return [_file(place, None, reading)]


def _tree(places: Sequence[Place], reading: Reading, archive: str = "") -> list[Source]:
    """What lies below one top, labelled by its table or its folders. archive: the one in a folder that it is all in."""
    above = f"{archive}/" if archive else ""
    inner = Reading(reading.modality, reading.labels, reading.stack, _below(reading.refuse, above), reading.warn)
    given = given_labels(places, reading.labels, reading.columns, inner.refuse, reading.warn)
    beside, rest = _classes([place for place in places if given is None or place.name != given.name])
    found: list[Source] = []
    unnamed = []
    for place in rest:
        if given is not None and place.name not in given.labels:
            unnamed.append(place.name)
        label = given.labels.get(place.name) if given else beside.get(_sample(place.name))
        if given is None and label is None:
            label = folder_label(place.name, reading.labels, archive=archive)
        columns = given.columns.get(place.name, {}) if given else {}
        sources = _of_place(place, label, inner, above)
        found += [replace(one, columns=columns) for one in sources] if columns else sources
    if given is not None and unnamed:
        count = listed(len(unnamed), "file is", "files are")
        reading.warn(f"{count} not named in {given.name}, so without a label: {some(unnamed)}")
    return found


def _below(refuse: Refuse, above: str) -> Refuse:
    return (lambda reason, name, remedy: refuse(reason, above + name, remedy)) if above else refuse


def _of_place(place: Place, label: str | None, reading: Reading, above: str) -> list[Source]:
    modality, suffix = reading.modality, place.suffix
    if suffix in modality.reads:
        return [_file(place, label, reading, above)]
    if not place.member and read_in_place(place.name):
        return _archive(place, reading)
    if _is_table(place, reading):
        return list(_rows(place, reading, label, above))
    if kind := archive_named(place.name):
        reading.refuse(ARCHIVE, place.name, unpacking(kind, place.path))
        return []
    remedy = f"read are {', '.join(modality.reads)}"
    if suffix in STACKS:
        remedy = f"give arrays alone: --seeds {shlex.quote(str(place.path))}"
    elif suffix in EXPORTS:
        remedy = EXPORTS[suffix]
    reading.refuse(f"{plain(suffix) or 'no suffix'}: no {modality.name} file", place.name, remedy)
    return []


def _archive(place: Place, reading: Reading) -> list[Source]:
    """The members of an archive in a folder. Its own name is a label where the target has it."""
    try:
        inside = members(place.path.resolve(), reading.stack, _below(reading.refuse, f"{place.name}/"))
        return _tree(inside, reading, place.name)
    except BadInputError as error:
        reading.refuse(error.reason, place.name, error.remedy)
        return []


def _file(place: Place, label: str | None, reading: Reading, above: str = "") -> Source:
    def read() -> tuple[bytes, str]:
        return place.read(reading.most), place.suffix

    return Source(above + place.name, label, read, place.path)


def _classes(places: Sequence[Place]) -> tuple[dict[str, str], list[Place]]:
    """Classes that stand in files beside the seeds, by what they and the seeds are called; and the other places."""
    called = {_sample(place.name) for place in places if place.suffix != CLASS}
    beside: dict[str, str] = {}
    rest = []
    for place in places:
        label = _class(place) if place.suffix == CLASS and _sample(place.name) in called else ""
        if label:
            beside[_sample(place.name)] = label
        else:
            rest.append(place)
    return beside, rest


def _class(place: Place) -> str:
    """What such a file says; "" where it says nothing."""
    try:
        return place.read(MAX_CLASS_BYTES).decode("utf-8").strip()
    except (BadInputError, UnicodeDecodeError):
        return ""


def _sample(name: str) -> str:
    """A webdataset's key: all before the first dot of the last part."""
    path = PurePosixPath(name)
    return str(path.with_name(path.name.partition(".")[0] or path.name))


def _is_table(place: Place, reading: Reading) -> bool:
    return bool(reading.columns) and (place.suffix in COLUMN_FILES or text_tables.reads(place, reading.modality))


def _rows(place: Place, reading: Reading, label: str | None = None, above: str = "") -> Iterator[Source]:
    """The inputs of a table, a seed a line; a line without a label has that of the table's folder."""
    rows = column_rows if place.suffix in COLUMN_FILES else text_tables.table_rows
    try:
        found = rows(place, reading.columns, reading.labels, reading.refuse, reading.warn)
    except (BadInputError, SeedError) as error:
        if isinstance(error, SeedError):
            raise
        reading.refuse(error.reason, place.name, error.remedy)
        return
    for number, own, data, suffix in found:
        name = f"{above}{place.name}[{number}]"
        yield Source(name, label if own is None else own, _given(data, suffix))


def _given(data: bytes, suffix: str) -> Callable[[], tuple[bytes, str]]:
    return lambda: (data, suffix)


def _stacked(path: Path, suffix: str, reading: Reading) -> list[Source]:
    modality = reading.modality
    rate = None if ".npy" in modality.reads else getattr(modality, "sample_rate_hz", None)
    try:
        stack = read_stack(read_guarded(path, max_bytes=MAX_ARRAY_BYTES), suffix=suffix)
        notes: list[str] = list(stack.notes)
        if rate is not None:
            inputs = as_samples(stack.inputs, notes.append)
        elif ".npy" in modality.reads:
            inputs = _pixels(stack.inputs, modality, notes.append, stacked=True, square=stack.labels is not None)
        else:
            inputs = stack.inputs
        items = _items(inputs, stack, rate)
    except BadInputError as error:
        raise SeedError(f"{path} has no usable seed: {error}") from error
    if suffix == ".npy" and not _decodes(items[0], modality):
        # Its parts are no inputs (the lines of a picture): then it is one input itself.
        place = Place(printable(Path(path.name)), path, lambda most: read_guarded(path, max_bytes=most))
        return [_file(place, None, reading)]
    for text in notes:
        reading.warn(f"{printable(Path(path.name))}: {text}")
    names: Sequence[str | None] = stack.labels or [None] * len(items)
    digits = len(str(len(items) - 1))
    return [
        Source(f"{path.name}[{at:0{digits}d}]", label, _given(*item))
        for at, (item, label) in enumerate(zip(items, names, strict=True))
    ]


def _items(inputs: NDArray[Any], stack: ArrayStack, rate: int | None) -> list[tuple[bytes, str]]:
    hz = rate and (stack.rate_hz or rate)
    return [item_bytes(np.asarray(item), sample_rate_hz=hz) for item in inputs]


def _pixels(
    array: NDArray[Any], modality: Modality, tell: Callable[[str], None], *, stacked: bool, square: bool
) -> NDArray[Any]:
    size, channels = getattr(modality, "size", None), getattr(modality, "channels", 1)
    return as_pixels(array, tell, size=size, channels=channels, stacked=stacked, square=square)


def in_range(data: bytes, modality: Modality) -> tuple[bytes, str]:
    """A file of one array that a codec refused for its range or shape, as it would take it; and what was done.

    Raises BadInputError.
    """
    notes: list[str] = []
    stack = read_stack(data, suffix=".npy")
    file = io.BytesIO()
    np.save(file, _pixels(stack.inputs, modality, notes.append, stacked=False, square=True), allow_pickle=False)
    return file.getvalue(), "; ".join(notes)


def _decodes(item: tuple[bytes, str], modality: Modality) -> bool:
    try:
        modality.decode(item[0], suffix=item[1])
    except BadInputError:
        return False
    return True
