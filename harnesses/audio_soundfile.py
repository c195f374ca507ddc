#!/usr/bin/env python3
"""A sound file -> soundfile: decode, resample, log-mel: the first thing that a speech service does.

Documented: SoundFileError, LibsndfileError among them, for what libsndfile cannot read (reference of
soundfile.SoundFile). Refused is what the service itself does not take. libsndfile is native: the plain wheel gives
little coverage; a build with a sanitizer (`mlfuzz harness build-native soundfile`) gives all of it.
"""

import contextlib
import importlib
import io
import sys

HARNESS = {
    "name": "audio_soundfile",
    "about": "a sound file -> soundfile -> resampled -> log-mel",
    "instrument": ["soundfile"],
    "preload": ["soundfile"],
    "seeds": "corpus/seeds/code/audio_soundfile",
    "dictionary": "corpus/seeds/code/audio_soundfile.dict",
    "allowed": ["soundfile.SoundFileError", "Refused"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 4096,
}

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

import numpy
import soundfile

RATE_HZ = 16000
MAX_SECONDS = 1.0
WINDOW, HOP, BANDS = 400, 160, 40


class Refused(Exception):
    """A sound that the service does not take."""


def _mel_bank() -> numpy.ndarray:
    """Triangles on the mel scale, (BANDS, WINDOW // 2 + 1)."""
    highest = 2595 * numpy.log10(1 + RATE_HZ / 2 / 700)
    edges = 700 * (10 ** (numpy.linspace(0, highest, BANDS + 2) / 2595) - 1)
    bins = numpy.linspace(0, RATE_HZ / 2, WINDOW // 2 + 1)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return numpy.clip(numpy.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)), 0, None)


BANK = _mel_bank()
HANN = numpy.hanning(WINDOW)


def decoded(data: bytes) -> tuple[numpy.ndarray, int]:
    """(T,) float64 in mono, and its rate in Hz."""
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        if not 1000 <= file.samplerate <= 192000 or not 1 <= file.channels <= 16:
            raise Refused(f"{file.channels} channels at {file.samplerate} Hz")
        samples = file.read(int(MAX_SECONDS * file.samplerate), always_2d=True)
        return samples.mean(axis=1), file.samplerate


def resampled(samples: numpy.ndarray, rate_hz: int) -> numpy.ndarray:
    count = len(samples) * RATE_HZ // rate_hz
    return numpy.interp(numpy.arange(count) * rate_hz / RATE_HZ, numpy.arange(len(samples)), samples)


def fuzz(data: bytes) -> None:
    samples, rate_hz = decoded(data)
    if not len(samples) or not numpy.isfinite(samples).all() or abs(samples).max() > 1e6:
        raise Refused("nothing to hear")
    padded = numpy.pad(resampled(samples, rate_hz), (0, WINDOW))
    frames = numpy.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = abs(numpy.fft.rfft(frames * HANN)) ** 2
    log_mel = numpy.log(power @ BANK.T + 1e-6)
    assert log_mel.shape[1] == BANDS, f"shape {log_mel.shape}"
    assert numpy.isfinite(log_mel).all(), "a band that is not finite"


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(soundfile.SoundFileError, Refused):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
