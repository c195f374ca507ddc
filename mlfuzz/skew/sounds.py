"""One sound as several files: (what is written, the same as a plain 16-bit WAV)."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlfuzz.modality.sound import read_sound

LONGEST_SECONDS = 0.5
"""That are looked at: the beginning of a longer sound."""

Pair = tuple[bytes, bytes]


class Sound(NamedTuple):
    """samples: (T,) int16, one channel; rate_hz."""

    samples: NDArray[np.int16]
    rate_hz: int


def content(data: bytes) -> Sound:
    """Raises BadInputError for what is no sound."""
    waves, rate_hz = read_sound(data, channels=1, seconds=LONGEST_SECONDS)
    wave = waves[0, : int(np.ceil(LONGEST_SECONDS * rate_hz))]
    return Sound(np.clip(np.rint(wave * 32768), -32768, 32767).astype(np.int16), rate_hz)


def turn(sound: Sound) -> int:
    """A number of the content: which checks are its own."""
    middle = int(sound.samples[len(sound.samples) // 2]) if len(sound.samples) else 0
    return sound.rate_hz + abs(middle) // 1024


def plain(sound: Sound) -> bytes:
    """A WAV of 16 bits."""
    return wav(sound.samples[:, None], sound.rate_hz)


def wav(samples: NDArray[np.int16], rate_hz: int, *, chunk: bytes = b"") -> bytes:
    """(T, C) int16 -> a file; chunk: stands before the samples."""
    body = np.ascontiguousarray(samples, "<i2").tobytes()
    channels = samples.shape[1]
    described = struct.pack("<HHIIHH", 1, channels, rate_hz, rate_hz * channels * 2, channels * 2, 16)
    inside = b"fmt \x10\0\0\0" + described + chunk + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(inside)) + b"WAVE" + inside


def _as(sound: Sound, container: str, coding: str) -> bytes:
    """By libsndfile: whole numbers from 32 bits, of which it keeps the upper ones, so that nothing is lost."""
    import soundfile

    floats = coding in ("FLOAT", "DOUBLE")
    values = sound.samples / np.float64(32768) if floats else sound.samples.astype(np.int32) << 16
    file = io.BytesIO()
    soundfile.write(file, values, sound.rate_hz, format=container, subtype=coding)
    return file.getvalue()


def _form(container: str, coding: str) -> Callable[[Sound], Pair]:
    return lambda sound: (_as(sound, container, coding), plain(sound))


def coarse(sound: Sound) -> Pair:
    """In 8 bits, which are unsigned in a WAV."""
    few = Sound((sound.samples // 256 * 256).astype(np.int16), sound.rate_hz)
    return _as(few, "WAV", "PCM_U8"), plain(few)


def tagged(sound: Sound) -> Pair:
    """With the name of a program before the samples, as editors write it."""
    chunk = b"LIST" + struct.pack("<I", 18) + b"INFOISFT" + struct.pack("<I", 6) + b"mlfuz\0"
    return wav(sound.samples[:, None], sound.rate_hz, chunk=chunk), plain(sound)


def doubled(sound: Sound) -> Pair:
    """In two equal channels."""
    return wav(np.repeat(sound.samples[:, None], 2, axis=1), sound.rate_hz), plain(sound)


def swapped(sound: Sound) -> Pair:
    """Two channels that differ, beside the same two in the other order: for a model of one channel."""
    two = np.stack([sound.samples, sound.samples[::-1] // 2], axis=1)
    return wav(two[:, ::-1], sound.rate_hz), wav(two, sound.rate_hz)


FORMS: Mapping[str, tuple[str, Callable[[Sound], Pair]]] = {
    "bits24": ("a WAV of 24 bits", _form("WAV", "PCM_24")),
    "bits32": ("a WAV of 32 bits", _form("WAV", "PCM_32")),
    "bits8": ("a WAV of 8 bits", coarse),
    "floats": ("a WAV of floats", _form("WAV", "FLOAT")),
    "doubles": ("a WAV of doubles", _form("WAV", "DOUBLE")),
    "extensible": ("a WAVE_FORMAT_EXTENSIBLE", _form("WAVEX", "PCM_16")),
    "flac": ("a FLAC", _form("FLAC", "PCM_16")),
    "aiff": ("an AIFF", _form("AIFF", "PCM_16")),
    "tagged": ("a WAV with a chunk before its samples", tagged),
    "doubled": ("two equal channels, beside one", doubled),
    "swapped": ("two channels in the other order", swapped),
}


def natural() -> dict[str, bytes]:
    """Small sounds to begin with; the first is none, which no mistake shows on."""
    found = {"nothing.wav": b"?", "silence.wav": plain(Sound(np.zeros(400, np.int16), 16000))}
    for rate_hz in (8000, 16000, 22050):
        time = np.arange(rate_hz // 20) / rate_hz
        wave = np.sin(2 * np.pi * 440 * time) * np.exp(-8 * time) * 20000
        found[f"tone-{rate_hz}.wav"] = plain(Sound(wave.astype(np.int16), rate_hz))
    return found


def extremes(rate_hz: int) -> list[bytes]:
    """Between which natural sounds lie."""
    noise = np.random.default_rng(1).integers(-32768, 32768, rate_hz // 2).astype(np.int16)
    square = np.where(np.arange(rate_hz // 2) // 40 % 2, 32767, -32768).astype(np.int16)
    return [plain(Sound(one, rate_hz)) for one in (np.zeros(rate_hz // 2, np.int16), noise, square)]
