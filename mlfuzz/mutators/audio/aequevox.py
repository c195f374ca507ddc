"""AequeVox's transformations as parameter ranges of our operators, for a comparison with the paper.

Where an operator differs from theirs, its range is the one that does the same to speech.
Source: Rajan et al., AequeVox: Automated Fairness Testing of Speech Recognition Systems, FASE 2022.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from mlfuzz.mutators.base import MUTATORS
from mlfuzz.mutators.param import Choice, Drawn, Integer, LogReal, Param, Real, Seed

AEQUEVOX: Mapping[str, Mapping[str, Param]] = MappingProxyType(
    {
        # Noise at a signal-to-noise ratio of 10 down to 2 dB.
        "audio.white_noise": {"snr_db": Choice((10.0, 8.0, 6.0, 4.0, 2.0), unit="dB SNR"), "seed": Seed()},
        # Amplitude times .5 to .1, and times 2.
        "audio.gain": {
            "decibels": Choice(tuple(float(np.float32(20 * np.log10(x))) for x in (0.5, 0.4, 0.3, 0.2, 0.1, 2.0)))
        },
        # Clipped at .05 to .01 of the peak.
        "audio.clip": {"threshold": Choice((0.05, 0.04, 0.03, 0.02, 0.01), unit="of the peak")},
        # "Drop": 5 to 25 % of the sound, 20 ms of every block that is hit; blocks of 40 ms.
        "audio.packet_loss_gilbert": {
            "share": Real(0.05, 0.25, neutral=0.0, unit="of the packets"),
            "burst": Choice((1.0,), unit="packets"),
            "packet_ms": Choice((20,), unit="ms"),
            "seed": Seed(),
        },
        # "Frame": a tenth of the sound, in frames of 10 to 50 ms.
        "audio.packet_loss_periodic": {
            "share": Choice((0.1,), unit="of each period"),
            "period_ms": Integer(100, 500, unit="ms"),
        },
        # Butterworth filters of order 2.
        "audio.high_pass": {"cutoff_hz": LogReal(500.0, 900.0, unit="Hz")},
        "audio.low_pass": {"cutoff_hz": LogReal(500.0, 900.0, unit="Hz")},
        # Tempo ("scale") .5 to 1.
        "audio.time_stretch": {"factor": Choice((1.0, 0.9, 0.8, 0.7, 0.6, 0.5), unit="times as fast")},
    }
)
"""Operator -> its parameters as the paper draws them."""


def draw(name: str, n: int, rng: np.random.Generator) -> dict[str, Drawn]:
    """Columns of n rows of an operator, from the paper's ranges, in the types that the operator records.

    Raises KeyError for an operator that the paper does not have.
    """
    space = MUTATORS.get(name).space
    return {
        param: values.draw(n, rng).astype(np.float32 if isinstance(space[param], Real | LogReal) else np.int64)
        for param, values in AEQUEVOX[name].items()
    }
