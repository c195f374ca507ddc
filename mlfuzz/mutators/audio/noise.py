"""Operators that add a sound, at a signal-to-noise ratio against the row's own power."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.audio import bank
from mlfuzz.mutators.audio.wave import QUIET, amplitude, changed, each, energy, inside, lengths_of, power, rate_of
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.param import Choice, Real, Seed

UNHEARD = 60.0
"""dB: from this ratio on nothing is added."""

SNR = Real(3.0, 30.0, neutral=UNHEARD, unit="dB SNR")
"""Source: AequeVox adds noise at 2 to 10 dB (Rajan et al., FASE 2022)."""

VOICES = 6
"""Of babble: what a listener no longer tells apart."""

OVERTONES = (1.0, 0.55, 0.6, 0.25, 0.35, 0.15)
"""Amplitudes of hum and its harmonics: a transformer's odd ones are the stronger."""


@mutator("audio.white_noise", kind="noise", cost=4, snr_db=SNR, seed=Seed())
def white_noise(rows: TensorRows, *, snr_db: Column, seed: Column) -> TensorRows:
    """Add hiss: as strong at every frequency."""
    return _added(rows, _coloured(rows, "white", seed), snr_db)


@mutator("audio.pink_noise", kind="noise", cost=4, snr_db=SNR, seed=Seed())
def pink_noise(rows: TensorRows, *, snr_db: Column, seed: Column) -> TensorRows:
    """Add noise that falls by 3 dB an octave: rain, a busy room."""
    return _added(rows, _coloured(rows, "pink", seed), snr_db)


@mutator("audio.brown_noise", kind="noise", cost=4, snr_db=SNR, seed=Seed())
def brown_noise(rows: TensorRows, *, snr_db: Column, seed: Column) -> TensorRows:
    """Add noise that falls by 6 dB an octave: wind, a car's cabin."""
    return _added(rows, _coloured(rows, "brown", seed), snr_db)


@mutator("audio.babble", kind="noise", cost=32, snr_db=SNR, seed=Seed())
def babble(rows: TensorRows, *, snr_db: Column, seed: Column) -> TensorRows:
    """Add a murmur of six voices: the row itself backwards, from six places that the seed decides.

    The spectrum of speech, and no words. Backwards, since forwards a word would be heard.
    """
    lengths = lengths_of(rows).view(-1, 1)
    chance = bank.noise("uniform", seed, 1, VOICES)[:, 0]
    time = torch.arange(rows.data.shape[-1], device=seed.device)
    murmur = torch.zeros_like(rows.data)
    for voice in range(VOICES):
        start = (chance[:, voice : voice + 1] * lengths).long()
        place = ((start - time) % lengths)[:, None].expand_as(rows.data)
        murmur += rows.data.gather(2, place)
    return _added(rows, murmur, snr_db)


@mutator("audio.hum", kind="noise", cost=4, hertz=Choice((50, 60), unit="Hz"), snr_db=SNR, seed=Seed())
def hum(rows: TensorRows, *, hertz: Column, snr_db: Column, seed: Column) -> TensorRows:
    """Add the mains: 50 or 60 Hz and five harmonics, at a phase that the seed decides."""
    length = rows.data.shape[-1]
    mains = _mains(rate_of(rows), length, rows.data.device)
    phase = (bank.noise("uniform", seed, 1, 1)[:, 0, 0] * (rate_of(rows) // 10)).long()
    starts = phase + (hertz == 60).long() * (mains.shape[0] // 2)
    wave = mains.as_strided((len(mains) - length + 1, length), (1, 1)).index_select(0, starts)
    return _added(rows, wave[:, None].expand_as(rows.data), snr_db)


def _coloured(rows: TensorRows, colour: bank.Colour, seed: Tensor) -> Tensor:
    return bank.noise(colour, seed, rows.data.shape[1], rows.data.shape[-1])


def _added(rows: TensorRows, sound: Tensor, snr_db: Tensor) -> TensorRows:
    """`sound` (B, C, T) laid over each row, made as loud as the ratio asks; a silent row stays silent."""
    own = inside(rows)
    sound = sound if own is None else sound * own
    loudness = (energy(sound) / (lengths_of(rows) * rows.data.shape[1])).clamp(min=QUIET)
    factor = (power(rows) / loudness).sqrt() * amplitude(-snr_db)
    factor = torch.where(snr_db >= UNHEARD, 0.0, factor)
    return changed(rows, torch.addcmul(rows.data, sound, each(factor)))


@lru_cache(maxsize=8)
def _mains(rate_hz: int, length: int, device: torch.device) -> Tensor:
    """Hum of 50 Hz, then of 60 Hz, each a tenth of a second longer than a row: they begin anew every tenth."""
    time = np.arange(length + rate_hz // 10) / rate_hz
    waves = [
        sum(size * np.sin(2 * math.pi * hertz * (at + 1) * time) for at, size in enumerate(OVERTONES))
        for hertz in (50, 60)
    ]
    return torch.from_numpy(np.concatenate(waves).astype(np.float32)).to(device)
