"""Seeds in numpy's files: a stack of inputs, perhaps with their labels. Nothing in them is trusted."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mlfuzz.errors import BadInputError

INPUT_KEYS = (
    "images", "x", "inputs", "audio", "waveforms", "texts", "data", "x_test", "test_images", "test_x", "x_val",
    "val_images", "x_valid", "x_train", "train_images", "train_x", "arr_0", "image", "input", "features", "samples",
    "imgs", "img", "pixels", "pictures", "waveform", "wavs", "wav", "signals", "text", "sentences", "test_data",
    "train_data",
)  # fmt: skip
"""What people call inputs; the first that is there is read: what a model has not learnt from before what it has."""
LABEL_KEYS = (
    "labels", "y", "targets", "label", "target", "y_test", "test_labels", "test_y", "y_val", "val_labels", "y_valid",
    "y_train", "train_labels", "train_y", "arr_1", "classes", "class", "test_targets", "train_targets",
)  # fmt: skip
RATE_KEYS = ("sample_rate_hz", "sample_rate", "samplerate", "sr", "fs", "rate")
_SPLIT = re.compile(r"(?:^|_)(train|test|val|valid)(?:_|$)")
MAX_ARRAY_BYTES = 1 << 30
"""Of one file, unpacked: an archive of a few KiB may claim any size."""
MAX_ARRAYS = 1000
"""In one file, of which two are read: an archive may have millions that are empty."""
ENCRYPTED = 0x1
"""Bit of a member's flags (APPNOTE, section 4.4.4)."""


@dataclass(frozen=True, slots=True)
class ArrayStack:
    """Inputs along the first axis. labels: names, one each, or None. rate_hz: of waveforms, where the file says it.

    notes: what was read otherwise than it stands, and what is not read.
    """

    inputs: NDArray[Any]
    labels: list[str] | None = None
    rate_hz: int | None = None
    notes: tuple[str, ...] = ()


def read_stack(data: bytes, *, suffix: str) -> ArrayStack:
    """The inputs of an .npy or .npz file, found by their keys. Raises BadInputError, never anything else."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of old headers, and of whatever chance has put there
            arrays = {"arr_0": _array(data)} if suffix == ".npy" else _archive(data)
    except BadInputError:
        raise
    except MemoryError as error:
        raise BadInputError("arrays too large for the memory") from error
    except Exception as error:  # numpy and zipfile raise a dozen types, and more with each release
        raise BadInputError("not an array file", f"{type(error).__name__}: {error}") from error
    return stack_of(arrays)


def stack_of(arrays: dict[str, NDArray[Any]]) -> ArrayStack:
    """Inputs and labels among arrays by name. Raises BadInputError."""
    name = _input_name(arrays)
    if name is None:
        raise BadInputError("no inputs in the archive", f"it has {sorted(arrays)}; call them {INPUT_KEYS[0]!r} or 'x'")
    inputs = arrays[name]
    if inputs.ndim == 0 or len(inputs) == 0:
        raise BadInputError("empty array")
    rate = _first({key: array for key, array in arrays.items() if array.size == 1}, RATE_KEYS)
    names = _label_name(arrays, name)
    notes = _beside(arrays, name, names, _first_name(arrays, RATE_KEYS))
    rate_hz = int(rate.reshape(())) if rate is not None and rate.dtype.kind in "iuf" else None
    if names is None:
        return ArrayStack(inputs, None, rate_hz, notes)
    return ArrayStack(inputs, _label_names(arrays[names], len(inputs)), rate_hz, notes)


def _input_name(arrays: dict[str, NDArray[Any]]) -> str | None:
    """By what it is called, else the only one there is, or the only one that is no list of labels."""
    if (name := _first_name(arrays, INPUT_KEYS)) is not None:
        return name
    if any("/" in name or "\\" in name for name in arrays):
        return None
    wide = [name for name, array in arrays.items() if array.ndim > 1]
    return wide[0] if len(wide) == 1 and len(arrays) <= 2 and _label_name(arrays, wide[0]) else None


def _label_name(arrays: dict[str, NDArray[Any]], inputs: str) -> str | None:
    """Labels of the same split as the inputs: y_test goes with x_test, whatever else there is."""
    split = _SPLIT.findall(inputs.lower())
    same = {name: array for name, array in arrays.items() if name != inputs and _SPLIT.findall(name.lower()) == split}
    if (name := _first_name(same, LABEL_KEYS)) is not None:
        return name
    others = [name for name, array in same.items() if array.ndim == 1 and len(array) == len(arrays[inputs])]
    if len(others) == 1 and len(arrays) == 2 and arrays[others[0]].dtype.kind in "iuUSb":
        return others[0]
    return None


def _beside(arrays: dict[str, NDArray[Any]], *read: str | None) -> tuple[str, ...]:
    """What is not read, in a line."""
    left = [name for name in arrays if name not in read]
    inputs = next(name for name in read if name)
    shown = ", ".join(f"{ascii(name)[1:-1]} ({len(arrays[name]) if arrays[name].ndim else 1})" for name in left[:6])
    return (f"read is {ascii(inputs)[1:-1]}; not read: {shown}{', ...' if len(left) > 6 else ''}",) if left else ()


def _label_names(labels: NDArray[Any], count: int) -> list[str]:
    """(N,) names or numbers, a column of them, or a row of ones and zeros each -> names. Raises BadInputError."""
    if labels.ndim == 2 and labels.shape[1] > 1 and len(labels) == count and labels.dtype.kind in "biuf":
        if not (((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise BadInputError(
                "labels do not fit", f"{labels.shape} labels for {count} inputs, and not a single one in each row"
            )
        labels = labels.argmax(axis=1)
    if labels.ndim > 1 and labels.size == count:
        labels = labels.reshape(count)
    if labels.shape != (count,):
        raise BadInputError("labels do not fit", f"{labels.shape} labels for {count} inputs")
    return [_name(label) for label in labels.tolist()]


def item_bytes(item: NDArray[Any], *, sample_rate_hz: int | None = None) -> tuple[bytes, str]:
    """One input of a stack as the bytes of a file, and that file's suffix.

    sample_rate_hz: given for a modality of waveforms; they are taken to be at the rate that the target is handed.
    Raises BadInputError.
    """
    if item.dtype.kind == "U":
        return str(item).encode("utf-8", "surrogatepass"), ".txt"
    if item.dtype.kind == "S":
        return bytes(item), ".txt"
    if sample_rate_hz is not None:
        return _wave(item, sample_rate_hz), ".wav"
    file = io.BytesIO()
    np.save(file, item, allow_pickle=False)
    return file.getvalue(), ".npy"


def _wave(item: NDArray[Any], sample_rate_hz: int) -> bytes:
    """(T,), (C, T) or (T, C), int16 or floats -> a WAV file; a stack has no room for a header, so we write one."""
    if item.ndim not in (1, 2) or item.size == 0 or item.dtype.kind not in "fi":
        raise BadInputError("no waveform", f"shape {item.shape}, {item.dtype}")
    samples = item[:, None] if item.ndim == 1 else item.T if item.shape[0] < item.shape[1] else item
    kind, width = (1, 2) if item.dtype == np.int16 else (3, 4)
    body = np.ascontiguousarray(samples, "<i2" if kind == 1 else "<f4").tobytes()
    channels = samples.shape[1]
    form = struct.pack(
        "<HHIIHH", kind, channels, sample_rate_hz, sample_rate_hz * channels * width, channels * width, 8 * width
    )
    parts = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(parts)) + b"WAVE" + parts


def _archive(data: bytes) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
        if len(members) > MAX_ARRAYS:
            raise BadInputError(f"more than {MAX_ARRAYS} arrays")
        if len({member.filename.lower() for member in members}) < len(members):
            raise BadInputError("two arrays of one name")
        if any(member.flag_bits & ENCRYPTED for member in members):
            raise BadInputError("encrypted archive")
        if sum(member.file_size for member in members) > MAX_ARRAY_BYTES:
            raise BadInputError(f"larger than {MAX_ARRAY_BYTES >> 20} MiB", "when unpacked")
        return {member.filename[:-4]: _array(archive.read(member)) for member in members}


def _array(data: bytes) -> NDArray[Any]:
    file = io.BytesIO(data)
    version = npy.read_magic(file)
    shape, _, dtype = npy.read_array_header_1_0(file) if version == (1, 0) else npy.read_array_header_2_0(file)
    if dtype.hasobject:
        raise BadInputError(
            "pickled objects", "an array of objects could run code when it is read",
            remedy="save plain ones: np.savez('seeds.npz', x=np.stack(list(x)), y=np.array(list(y)))",
        )  # fmt: skip
    claimed = dtype.itemsize * int(np.prod(shape, dtype=object))
    if claimed != len(data) - file.tell():
        raise BadInputError("not an array file", f"its header claims {claimed} bytes")
    file.seek(0)
    array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    return array


def _first_name(arrays: Mapping[str, NDArray[Any]], keys: tuple[str, ...]) -> str | None:
    folded = {name.lower(): name for name in arrays}
    return next((folded[key] for key in keys if key in folded), None)


def _first(arrays: Mapping[str, NDArray[Any]], keys: tuple[str, ...]) -> NDArray[Any] | None:
    name = _first_name(arrays, keys)
    return None if name is None else arrays[name]


def _name(label: Any) -> str:
    if isinstance(label, bytes):
        return label.decode("utf-8", "replace")
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
