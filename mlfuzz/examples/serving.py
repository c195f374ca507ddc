"""What comes before a model, written twice: as for training, and as services write it, with mistakes planted in it.

| function | planted | shown by |
|---|---|---|
| `picture` | numbers of a palette taken for levels, EXIF ignored, every n-th pixel | `as_palette`, `as_turned` |
| `sound` | the left channel for the mean, 24 bits on another scale | `as_swapped`, `as_bits24` |
| `text` | characters that are composed otherwise, or take no room, stay as they are | `as_decomposed` |

`mlfuzz harness new --for-target digits:robust --decode mlfuzz.examples.serving:picture` finds the first ones, and
`mlfuzz harness new NAME --for image --compare mlfuzz.examples.serving:picture_trained mlfuzz.examples.serving:picture`
all of a pair.
"""

from __future__ import annotations

import io
import unicodedata
import wave

import numpy as np
from numpy.typing import NDArray

SIZE = 28
"""Of pictures, in pixels."""

RATE_HZ, SAMPLES = 16000, 16000

NO_ROOM = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
"""Characters without width."""

Floats = NDArray[np.float32]


def picture_trained(data: bytes) -> Floats:
    """(1, 28, 28) in [0, 1]: upright, grey, scaled down with a filter."""
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(data)) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB").convert("L")
        small = upright.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        return np.asarray(small, np.float32)[None] / np.float32(255)


def picture(data: bytes) -> Floats:
    """The same, as a service has it."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as opened:
        levels = np.asarray(opened if opened.mode in ("L", "P") else opened.convert("L"), np.float32)
    rows = np.arange(SIZE) * levels.shape[0] // SIZE
    columns = np.arange(SIZE) * levels.shape[1] // SIZE
    small: Floats = levels[rows][:, columns][None] / np.float32(255)
    return small


def sound_trained(data: bytes) -> Floats:
    """(1, 16000) in [-1, 1]: the mean of the channels."""
    import soundfile

    with soundfile.SoundFile(io.BytesIO(data)) as file:
        samples = file.read(SAMPLES, dtype="float32", always_2d=True)
    return _fitted(samples.mean(axis=1, dtype=np.float64).astype(np.float32))


def sound(data: bytes) -> Floats:
    """The same, as a service has it. Raises wave.Error, EOFError."""
    with wave.open(io.BytesIO(data)) as file:
        width, channels = file.getsampwidth(), file.getnchannels()
        frames = file.readframes(min(file.getnframes(), SAMPLES))
    frames = frames[: len(frames) // (width * channels) * width * channels]
    if width == 3:
        raw = np.frombuffer(frames, np.uint8).reshape(-1, 3)
        wide = np.concatenate([np.zeros((len(raw), 1), np.uint8), raw], axis=1)
        samples = wide.view("<i4")[:, 0] / np.float32(1 << 32)  # upper 24 of 32 bits: 31, not 32, are a unit
    elif width == 1:
        samples = (np.frombuffer(frames, np.uint8).astype(np.float32) - 128) / 128
    else:
        samples = np.frombuffer(frames, f"<i{width}") / np.float32(1 << (8 * width - 1))
    return _fitted(samples.reshape(-1, channels)[:, 0].astype(np.float32))


def text_trained(data: bytes) -> str:
    """One way to write what looks alike: NFKC, small letters, nothing without width."""
    return unicodedata.normalize("NFKC", data.decode("utf-8")).translate(NO_ROOM).casefold()


def text(data: bytes) -> str:
    """The same, as a service has it."""
    return data.decode("utf-8").lower()


def _fitted(samples: Floats) -> Floats:
    return np.pad(samples[:SAMPLES], (0, max(0, SAMPLES - len(samples))))[None]
