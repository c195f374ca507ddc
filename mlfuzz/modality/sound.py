"""The door to libsndfile: sounds in from four formats behind guards, FLAC and WAV out, real codecs in memory."""

from __future__ import annotations

import io
import os
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import BadInputError
from mlfuzz.modality.container import AGAIN, UNSAID, refuse_shape, sniff

if TYPE_CHECKING:
    from soundfile import SoundFile

# soundfile is imported where it is used: listing names and findings need not load it.

MAX_SECONDS = 600.0
"""No sound is longer: an hour is nearly always a whole recording, to be cut into utterances first."""

MAX_SAMPLES = 32 << 20
"""Of one sound after mixing: 128 MiB of float32 (10 minutes at 48 kHz)."""

UNKNOWN_FRAMES = 1 << 62
"""From here on libsndfile means that the header does not say; soundfile cannot read such a file."""

BLOCK = 1 << 16
"""Frames that are read at once: mixing starts before the whole file is unpacked."""

_quiet_lock = threading.Lock()


def read_sound(data: bytes, *, channels: int, seconds: float | None = None) -> tuple[NDArray[np.float32], int]:
    """Bytes of a WAV, FLAC, Ogg (Vorbis, Opus) or MP3 -> ((channels, T) float32, its sample rate).

    The header is judged before a sample is read. Channels are brought to `channels`: the mean for one, copies of the
    mean for several. seconds: no more than that is needed; later samples may be left unread. Values may pass 1.
    Raises BadInputError, never anything else.
    """
    sound = sniff(data)
    if sound.seconds > MAX_SECONDS:
        raise BadInputError("longer than 10 minutes", f"{sound.seconds:.0f} s")
    with ExitStack() as stack:
        if sound.format == "MP3":  # mpg123 alone writes to standard error, about every damaged frame
            stack.enter_context(_quiet())
        file = stack.enter_context(_opened(sound.data))
        _refuse(file)
        frames = file.frames if seconds is None else min(file.frames, int(np.ceil(seconds * file.samplerate)))
        if frames * channels > MAX_SAMPLES:
            raise BadInputError("more than 32 Mi samples", f"{frames} in {channels} channels")
        samples = np.concatenate(list(_blocks(file, frames, channels)), axis=1)
        if samples.shape[1] < frames:
            raise BadInputError("truncated file", f"{frames} samples announced, {samples.shape[1]} there")
        if not np.isfinite(samples).all():
            raise BadInputError("not finite", "the file holds NaN or infinity")
        return samples, file.samplerate


def write_flac(samples: NDArray[np.int16], rate_hz: int) -> bytes:
    """(C, T) int16 -> the bytes of a FLAC file; the same samples give the same bytes."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, samples.T, rate_hz, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def write_wav(samples: NDArray[np.float32], rate_hz: int) -> bytes:
    """(C, T) float32 -> the bytes of a float WAV file.

    By hand, since libsndfile adds a chunk with the time of day: the same samples must give the same bytes.
    """
    body = np.ascontiguousarray(samples.T, "<f4").tobytes()
    channels, length = samples.shape
    described = struct.pack("<HHIIHH", 3, channels, rate_hz, rate_hz * channels * 4, channels * 4, 32)
    chunks = b"fmt \x10\0\0\0" + described + b"fact\x04\0\0\0" + struct.pack("<I", length)
    chunks += b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def transcode(
    samples: NDArray[np.float32], rate_hz: int, *, container: str, coding: str, strength: float | None = None
) -> NDArray[np.float32]:
    """(C, T) float32 through a real codec in memory and back, (C, T): cut, or followed by silence, to its length.

    container, coding: as libsndfile calls them ("MP3", "MPEG_LAYER_III"). strength: of the compression, in [0, 1].
    libsndfile takes the codecs' own delay away (measured: none is left for any coding here).
    """
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, samples.T, rate_hz, format=container, subtype=coding, compression_level=strength)
    file.seek(0)
    with soundfile.SoundFile(file) as decoded:
        # GSM in WAV cannot be sought, so it wants the number of frames.
        back = decoded.read(decoded.frames, dtype="float32", always_2d=True).T
    length = samples.shape[1]
    return np.pad(back, ((0, 0), (0, max(0, length - back.shape[1]))))[:, :length]


class _Bytes(io.BytesIO):
    """A damaged header has libsndfile seek before the start; an exception there would be printed, not raised."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return super().seek(0)


@contextmanager
def _opened(data: bytes) -> Iterator[SoundFile]:
    """Whatever libsndfile raises on hostile bytes becomes a BadInputError."""
    import soundfile

    try:
        with soundfile.SoundFile(_Bytes(data)) as file:
            yield file
    except BadInputError:
        raise
    except MemoryError as error:
        raise BadInputError("sound too large for the memory") from error
    except Exception as error:  # soundfile raises half a dozen types on hostile bytes
        raise BadInputError("damaged sound", f"{type(error).__name__}: {error}") from error


def _refuse(file: SoundFile) -> None:
    """Judges what the header says. Raises BadInputError."""
    if file.frames <= 0:
        raise BadInputError("no samples")
    refuse_shape(file.channels, file.samplerate)
    if file.frames >= UNKNOWN_FRAMES:
        raise BadInputError(UNSAID, "a FLAC that was written to a pipe", remedy=AGAIN)
    if file.frames > MAX_SECONDS * file.samplerate:
        raise BadInputError("longer than 10 minutes", f"{file.frames / file.samplerate:.0f} s")


def _blocks(file: SoundFile, frames: int, channels: int) -> Iterator[NDArray[np.float32]]:
    left = frames
    while left > 0:
        block = file.read(min(BLOCK, left), dtype="float32", always_2d=True)
        if not len(block):
            break
        left -= len(block)
        yield _mixed(block.T, channels)
    yield np.zeros((channels, 0), np.float32)


def _mixed(samples: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    if len(samples) == channels:
        return samples
    mean = samples if len(samples) == 1 else samples.mean(0, keepdims=True, dtype=np.float64).astype(np.float32)
    return np.repeat(mean, channels, axis=0)


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing that C code prints reaches the terminal. Descriptors belong to the process: one thread at a time."""
    with _quiet_lock, ExitStack() as stack:
        try:
            sys.stderr.flush()
            kept = os.dup(2)
            stack.callback(os.close, kept)
            sink = os.open(os.devnull, os.O_WRONLY)
            stack.callback(os.close, sink)
            os.dup2(sink, 2)
            stack.callback(os.dup2, kept, 2)
        except (OSError, ValueError, AttributeError):
            pass  # no standard error to keep quiet
        yield
