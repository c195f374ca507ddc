"""What can be measured of a seed: the properties by which failures may concentrate."""

from __future__ import annotations

import numpy as np

from mlfuzz.modality.base import Modality, Payload, full_scale

SILENT_DB = -40.0
"""Of a frame, against the loudest: quieter is a pause."""

FRAME_SECONDS = 0.02


def attributes_of(payload: Payload, modality: Modality) -> dict[str, float]:
    """By name, rounded to four digits; {} of a kind of input of which nothing is measured.

    Pictures (C, H, W): brightness and contrast (mean and deviation, of full scale), colour (Hasler and Suesstrunk, SPIE
    2003), detail (mean step between neighbours), size (pixels). Sounds (C, T): seconds, loudness (dB of full scale),
    silence (share of frames), pitch (centre of the spectrum, Hz). Texts: characters, words, and the shares of letters
    beyond ASCII, of digits and of capitals.
    """
    if isinstance(payload, str):
        found = _text(payload)
    elif modality.name == "image":
        found = _picture(np.asarray(payload, np.float64) / full_scale(modality))
    elif modality.name == "audio":
        rate = int(str(modality.describe().get("sample_rate_hz", 16_000)))
        found = _sound(np.asarray(payload, np.float64) / full_scale(modality), rate)
    else:
        return {}
    return {name: float(f"{value:.4g}") for name, value in found.items() if np.isfinite(value)}


def _picture(data: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> dict[str, float]:
    grey = data.mean(0)
    steps = [np.abs(np.diff(grey, axis=axis)).mean() for axis in (0, 1) if grey.shape[axis] > 1]
    found = {
        "brightness": float(grey.mean()), "contrast": float(grey.std()), "size": float(grey.size),
        "detail": float(np.mean(steps)) if steps else 0.0,
    }  # fmt: skip
    if len(data) == 3:
        first, second = data[0] - data[1], (data[0] + data[1]) / 2 - data[2]
        spread, mean = np.hypot(first.std(), second.std()), np.hypot(first.mean(), second.mean())
        found["colour"] = float(spread + 0.3 * mean)
    return found


def _sound(data: np.ndarray[tuple[int, ...], np.dtype[np.float64]], rate: int) -> dict[str, float]:
    wave = data.mean(0)
    if not len(wave):
        return {"seconds": 0.0}
    width = max(1, int(rate * FRAME_SECONDS))
    frames = np.pad(wave, (0, -len(wave) % width)).reshape(-1, width)
    power = np.square(frames).mean(1)
    loudest = power.max()
    spectrum = np.square(np.abs(np.fft.rfft(wave)))
    found = {"seconds": len(wave) / rate}
    if loudest > 0:
        found["loudness"] = float(10 * np.log10(np.square(wave).mean()))
        found["silence"] = float((power < loudest * 10 ** (SILENT_DB / 10)).mean())
        found["pitch"] = float((np.fft.rfftfreq(len(wave), 1 / rate) * spectrum).sum() / spectrum.sum())
    return found


def _text(text: str) -> dict[str, float]:
    letters = max(1, sum(char.isalpha() for char in text))
    whole = max(1, len(text))
    return {
        "characters": float(len(text)), "words": float(len(text.split())),
        "beyond_ascii": sum(not char.isascii() for char in text) / whole,
        "digits": sum(char.isdigit() for char in text) / whole,
        "capitals": sum(char.isupper() for char in text) / letters,
    }  # fmt: skip
