"""The exhibit of sounds: two players, the waveforms over each other, and a spectrogram of each."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from mlfuzz.errors import BadInputError
from mlfuzz.findings.finding import Finding
from mlfuzz.modality.base import Modality, rebuild
from mlfuzz.report.exhibits import Exhibit
from mlfuzz.report.pictures import uri_of

LONGEST_SECONDS = 20.0
"""Longer sounds are cut in the page; the file itself is beside it."""

COLUMNS = 360
FRAME = 256
BINS = 96
RANGE_DB = 70.0

WIDTH, HEIGHT = 360, 64

_RAMP = np.array(
    [[10, 8, 32], [62, 24, 110], [150, 44, 112], [226, 92, 66], [250, 178, 70], [252, 250, 190]], np.float64
)
"""Dark to bright, for decibels: even steps of lightness."""


def show(finding: Finding, data: bytes, seed: bytes | None) -> Mapping[str, Any]:
    """Players, spectrograms and waveforms of before and after; all made here from the decoded samples."""
    modality = rebuild(dict(finding.modality))
    rate = int(finding.modality.get("sample_rate_hz", 16_000))
    after = _mono(modality, data, rate)
    before = None if seed is None else _mono(modality, seed, rate)
    return {
        "before": {"player": player(before, rate), "spectrum": spectrogram(before)} if before is not None else None,
        "after": {"player": player(after, rate), "spectrum": spectrogram(after)},
        "waves": waves(before, after),
        "seconds": len(after) / rate,
        "rate_hz": rate,
    }


def player(samples: NDArray[np.float32], rate_hz: int) -> str:
    """A 16-bit WAV as a data URI."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(np.rint(samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()


def spectrogram(samples: NDArray[np.float32]) -> str:
    """Decibels below the loudest, time to the right, frequency upwards, as a PNG's data URI; "" where too short."""
    if len(samples) < FRAME:
        return ""
    starts = np.linspace(0, len(samples) - FRAME, COLUMNS).astype(np.int64)
    frames = samples[starts[:, None] + np.arange(FRAME)] * np.hanning(FRAME).astype(np.float32)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    decibels = 10 * np.log10(power + 1e-12)
    bright = ((decibels - decibels.max()) / RANGE_DB + 1).clip(0, 1).T[::-1]
    at = bright * (len(_RAMP) - 1)
    low = at.astype(np.int64).clip(0, len(_RAMP) - 2)
    mixed = _RAMP[low] + (_RAMP[low + 1] - _RAMP[low]) * (at - low)[..., None]
    return uri_of(mixed.astype(np.uint8)[:: max(1, len(mixed) // BINS)])


def waves(before: NDArray[np.float32] | None, after: NDArray[np.float32]) -> Markup:
    """Lowest and highest sample of each column: before behind, after in front."""
    longest = max(len(after), 0 if before is None else len(before))
    shapes = [("was", before), ("now", after)]
    parts = [
        Markup('<polygon class="{}" points="{}"/>').format(kind, _outline(samples, longest))
        for kind, samples in shapes
        if samples is not None and len(samples)
    ]
    return Markup('<svg class="waves" viewBox="0 0 {} {}" role="img" aria-label="waveforms">{}</svg>').format(
        WIDTH, HEIGHT, Markup("").join(parts)
    )


def _outline(samples: NDArray[np.float32], longest: int) -> str:
    edges = np.linspace(0, len(samples), min(WIDTH, len(samples)) + 1).astype(np.int64)[:-1]
    high, low = np.maximum.reduceat(samples, edges), np.minimum.reduceat(samples, edges)
    x = edges * WIDTH / longest
    top, bottom = HEIGHT / 2 * (1 - high), HEIGHT / 2 * (1 - low)
    there, back = zip(x, top, strict=True), zip(x[::-1], bottom[::-1], strict=True)
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in [*there, *back])


def _mono(modality: Modality, data: bytes, rate_hz: int) -> NDArray[np.float32]:
    payload = np.asarray(modality.decode(data))
    if payload.ndim != 2 or not payload.shape[1]:
        raise BadInputError("not a sound", f"shape {payload.shape}")
    samples: NDArray[np.float32] = payload.astype(np.float32).mean(axis=0, dtype=np.float32)
    samples = samples[: int(LONGEST_SECONDS * rate_hz)] / np.float32(32768 if payload.dtype == np.int16 else 1)
    return np.nan_to_num(samples).clip(-1, 1)


EXHIBIT = Exhibit("audio.html", show)
