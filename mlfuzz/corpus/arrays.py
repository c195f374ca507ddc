"""Seeds in numpy's files: a stack of inputs, perhaps with their labels. Nothing in them is trusted."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mlfuzz.errors import BadInputError

INPUT_KEYS = ("images", "x", "inputs", "audio", "waveforms", "texts", "data", "x_test", "x_train", "arr_0")
LABEL_KEYS = ("labels", "y", "targets", "label", "y_test", "y_train", "arr_1")
MAX_ARRAY_BYTES = 1 << 30
"""Of one file, unpacked: an archive of a few KiB may claim any size."""
MAX_ARRAYS = 1000
"""In one file, of which two are read: an archive may have millions that are empty."""
ENCRYPTED = 0x1
"""Bit of a member's flags (APPNOTE, section 4.4.4)."""


@dataclass(frozen=True, slots=True)
class ArrayStack:
    """Inputs along the first axis. labels: names, one each, or None."""

    inputs: NDArray[Any]
    labels: list[str] | None = None


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
    inputs = _first(arrays, INPUT_KEYS)
    if inputs is None:
        raise BadInputError("no inputs in the archive", f"it has {sorted(arrays)}; call them {INPUT_KEYS[0]!r} or 'x'")
    if inputs.ndim == 0 or len(inputs) == 0:
        raise BadInputError("empty array")
    labels = _first(arrays, LABEL_KEYS)
    if labels is None:
        return ArrayStack(inputs)
    if labels.shape != inputs.shape[:1]:
        raise BadInputError("labels do not fit", f"{labels.shape} labels for {len(inputs)} inputs")
    return ArrayStack(inputs, [_name(label) for label in labels.tolist()])


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
        raise BadInputError("pickled objects", "an array of objects could run code when it is read")
    claimed = dtype.itemsize * int(np.prod(shape, dtype=object))
    if claimed != len(data) - file.tell():
        raise BadInputError("not an array file", f"its header claims {claimed} bytes")
    file.seek(0)
    array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    return array


def _first(arrays: dict[str, NDArray[Any]], keys: tuple[str, ...]) -> NDArray[Any] | None:
    folded = {name.lower(): array for name, array in arrays.items()}
    return next((folded[key] for key in keys if key in folded), None)


def _name(label: Any) -> str:
    if isinstance(label, bytes):
        return label.decode("utf-8", "replace")
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
