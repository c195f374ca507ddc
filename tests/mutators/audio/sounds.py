"""Sounds that the tests make themselves, and how they are put through an operator."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.modality.audio import Audio
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.mutators.param import columns_of

RATE = 16000


def sine(hertz: float, seconds: float = 0.5, *, peak: float = 0.5) -> Tensor:
    """(1, 1, T)"""
    time = np.arange(round(seconds * RATE)) / RATE
    return torch.from_numpy((peak * np.sin(2 * np.pi * hertz * time)).astype(np.float32))[None, None]


def chirp(seconds: float = 0.5) -> Tensor:
    """(1, 1, T) from 100 to 3500 Hz, with a loudness that rises and falls."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = 0.5 * np.sin(2 * np.pi * (100 * time + 1700 / seconds * time**2)) * np.hanning(len(time))
    return torch.from_numpy(wave.astype(np.float32))[None, None]


def rows_of(data: Tensor, lengths: list[int] | None = None) -> TensorRows:
    """Float32 rows; of varying length where `lengths` are given."""
    audio = Audio(RATE, None if lengths else data.shape[2] / RATE, data.shape[1], "float32")
    return TensorRows(data, audio, torch.tensor(lengths) if lengths else None)


def apply(name: str, rows: TensorRows, **params: float | list[float]) -> TensorRows:
    """Through `audio.<name>`, each parameter one value for all rows or a list of them."""
    part = MUTATORS.get(f"audio.{name}")
    columns = {key: value if isinstance(value, list) else [value] * len(rows) for key, value in params.items()}
    mutated = part.apply(
        rows,
        columns_of(
            dict(part.space), [dict(zip(columns, each, strict=True)) for each in zip(*columns.values(), strict=True)]
        )
        if columns
        else {},
    )
    assert isinstance(mutated, TensorRows)
    return mutated


def through(name: str, data: Tensor, **params: float) -> Tensor:
    """(1, 1, T) through an operator -> (T',)"""
    return apply(name, rows_of(data), **params).data[0, 0]


def decibels(power: Tensor | float) -> float:
    return float(10 * torch.log10(torch.as_tensor(power, dtype=torch.float64)))


def power_at(wave: Tensor, hertz: float) -> float:
    """Of a sine of that frequency in the middle half of a waveform, dB against full scale."""
    middle = wave[len(wave) // 4 : -len(wave) // 4].double().numpy()
    time = np.arange(len(middle)) / RATE
    window = np.hanning(len(middle))
    return float(
        20 * np.log10(2 * abs((middle * window * np.exp(-2j * np.pi * hertz * time)).sum()) / window.sum() + 1e-12)
    )


def pitch(wave: Tensor) -> float:
    """Hz of the strongest sine in the middle half."""
    middle = wave[len(wave) // 4 : -len(wave) // 4].double().numpy()
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 16))
    return float(np.argmax(spectrum) * RATE / (1 << 16))
