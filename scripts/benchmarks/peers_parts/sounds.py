"""Which transforms of audiomentations do what our operators on sound do, as strong. One clip a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000

SOUNDS: Mapping[str, Callable[[Any], Any]] = {
    "gain": lambda b: b.Gain(-20.0, 6.0, p=1.0),
    "clip": lambda b: b.ClippingDistortion(0, 40, p=1.0),
    "soft_clip": lambda b: b.TanhDistortion(0.01, 0.7, p=1.0),
    "white_noise": lambda b: b.AddGaussianSNR(3.0, 30.0, p=1.0),
    "pink_noise": lambda b: b.AddColorNoise(3.0, 30.0, -3.01, -3.01, p=1.0),
    "brown_noise": lambda b: b.AddColorNoise(3.0, 30.0, -6.02, -6.02, p=1.0),
    "shift": lambda b: b.Shift(-0.1, 0.1, "seconds", rollover=False, fade_duration=0.0, p=1.0),
    "silence_insert": lambda b: b.TimeMask(0.01, 0.15, fade_duration=0.0, p=1.0),
    "dropouts": lambda b: b.TimeMask(0.01, 0.1, fade_duration=0.0, p=1.0),
    "low_pass": lambda b: b.LowPassFilter(800.0, 7000.0, 12, 12, p=1.0),
    "high_pass": lambda b: b.HighPassFilter(60.0, 900.0, 12, 12, p=1.0),
    "band_pass": lambda b: b.BandPassFilter(200.0, 4000.0, 0.5, 1.9, 12, 12, p=1.0),
    "equaliser": lambda b: b.SevenBandParametricEQ(-12.0, 12.0, p=1.0),
    "bit_depth": lambda b: b.BitCrush(6, 14, p=1.0),
    "resample_chain": lambda b: b.Aliasing(5600, 15900, p=1.0),
    "time_stretch": lambda b: b.TimeStretch(0.8, 1.25, p=1.0),
    "pitch_shift": lambda b: b.PitchShift(-3.0, 3.0, p=1.0),
    "mp3": lambda b: b.Mp3Compression(8, 64, p=1.0),
    "polarity": lambda b: b.PolarityInversion(p=1.0),
}
"""Ours, without its modality -> how its transform is built."""


def audiomentations_of(build: Callable[[Any], Any], clips: NDArray[np.float32]) -> Callable[[], object]:
    """clips: (n, samples) in [-1, 1]."""
    import audiomentations

    transform = build(audiomentations)
    one_by_one = list(clips)
    return lambda: [transform(clip, RATE_HZ) for clip in one_by_one]
