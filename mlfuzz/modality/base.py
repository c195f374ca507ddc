"""What a modality owes the rest of mlfuzz: bytes <-> payload, exactly, and the grid its values lie on."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import BadInputError
from mlfuzz.modality.parts import ModalityParts, parts_of
from mlfuzz.registry import Registry

Payload: TypeAlias = NDArray[np.generic] | str
"""One input on the host: a string, or values (N,) or (C, ...), uint8, int16 or float32 as the grid says.

Image: (C, H, W) uint8, or float32 in [0, 1]; audio: (C, T) int16 or float32. Of varying length only (C, T) may be.
"""

MAX_FILE_BYTES = 16 << 20
"""No seed is larger than this (16 MiB): a bigger file is nearly always a mistake or an attack."""


LINKED = "put the file itself there, or give the link alone: --seeds LINK"
"""What to do about a symbolic link."""


class Modality(Protocol):
    """A kind of input and its shape: `Image(size=(28, 28))`, `Audio(...)`, `Text(...)`. No torch."""

    parts: ClassVar[ModalityParts]

    @property
    def name(self) -> str:
        """ "image": as it is registered; also the prefix of its mutators' names."""

    @property
    def suffix(self) -> str:
        """Of the files this modality writes: ".png"."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Suffixes of files that `decode` understands, lower case."""

    @property
    def levels(self) -> int | None:
        """Steps of one unit on the grid (255 for 8-bit pixels, 32768 for 16-bit samples); None: float32 as it is."""

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float:
        """The range of values; for text, `high` is the largest number of characters."""

    @property
    def ragged(self) -> bool:
        """Whether payloads of one batch may differ in length."""

    def decode(self, data: bytes, *, suffix: str = "") -> Payload:
        """Bytes of a file -> payload of the declared shape. Raises BadInputError, never anything else."""

    def encode(self, payload: Payload) -> bytes:
        """Payload -> bytes of a file a person can open; decode(encode(p)) == p exactly."""

    def describe(self) -> dict[str, object]:
        """Constructor arguments as JSON: `MODALITIES.get(name)(**describe())` gives an equal modality."""


MODALITIES: Registry[type[Modality]] = Registry(
    "modality", plural="modalities", shipped=("mlfuzz.modality.image", "mlfuzz.modality.audio", "mlfuzz.modality.text")
)


def declared(part: str) -> Callable[[], Mapping[str, str]]:
    """For a registry: by name of the modality, where each registered one has that part of `ModalityParts`."""
    return lambda: {
        name: where for name in MODALITIES.names() if (where := getattr(parts_of(MODALITIES.get(name)), part))
    }


def stored_dtype(modality: Modality) -> np.dtype[Any]:
    """Of payloads: float32, or on a grid the smallest of uint8 and int16 that holds its range."""
    if modality.levels is None:
        return np.dtype(np.float32)
    return np.dtype(np.uint8 if modality.low >= 0 and full_scale(modality) <= 255 else np.int16)


def magnitude(modality: Modality) -> float:
    """The largest size of a value, which shares "of full scale" are of: 1 of pixels and samples."""
    return max(abs(modality.low), abs(modality.high))


def full_scale(modality: Modality) -> float:
    """The same as payloads store it: 255 of 8-bit pixels, 32768 of 16-bit samples."""
    return magnitude(modality) * (modality.levels or 1)


def read_guarded(path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of an ordinary file: no link is followed, no FIFO or device waited for, no giant read.

    Raises BadInputError with a countable reason.
    """
    with opened_guarded(path, max_bytes=max_bytes) as file:
        return file.read(max_bytes + 1)[:max_bytes]


@contextmanager
def opened_guarded(path: Path, *, max_bytes: int) -> Iterator[IO[bytes]]:
    """An ordinary file that is not empty, open to be read; as `read_guarded`."""
    try:
        _require_ordinary(path, os.lstat(path))  # to open a device may wind a tape, and a socket has another error
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        advice = f"chmod u+r {shlex.quote(str(path))}" if isinstance(error, PermissionError) else ""
        raise BadInputError("cannot be opened", f"{path}: {error.strerror}", remedy=advice) from error
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        _require_ordinary(path, state)
        if state.st_size > max_bytes:
            raise BadInputError(f"larger than {max_bytes >> 20} MiB", f"{path}: {state.st_size} bytes")
        if state.st_size == 0:
            raise BadInputError("empty file", str(path))
        yield file


def _require_ordinary(path: Path, state: os.stat_result) -> None:
    if stat.S_ISLNK(state.st_mode):
        raise BadInputError("symbolic link", str(path), remedy=LINKED)
    if not stat.S_ISREG(state.st_mode):
        raise BadInputError("not an ordinary file", str(path))


def rebuild(description: dict[str, object]) -> Modality:
    """The modality that `{"name": ..., **describe()}` stands for."""
    arguments = dict(description)
    return MODALITIES.get(str(arguments.pop("name")))(**arguments)
