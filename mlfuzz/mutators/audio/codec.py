"""Real lossy codecs, in memory: what a call, a broadcast or a messenger does to a voice. A row at a time, and dear."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.modality.resample import resampled
from mlfuzz.modality.sound import transcode
from mlfuzz.mutators.audio.wave import lengths_of, rate_of
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.param import Real
from mlfuzz.mutators.row_threads import each_row

OPUS_RATES_HZ = (8000, 12000, 16000, 24000, 48000)
MP3_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
GSM_RATES_HZ = (8000,)

STRENGTH = Real(0.0, 0.9, unit="of the strongest compression")


@mutator("audio.mp3", kind="codec", cost=512, strength=STRENGTH)
def mp3(rows: TensorRows, *, strength: Column) -> TensorRows:
    """Through MP3 and back (LAME and mpg123, in libsndfile)."""
    return _through(rows, "MP3", "MPEG_LAYER_III", strength, rates_hz=MP3_RATES_HZ, most_channels=2)


@mutator("audio.vorbis", kind="codec", cost=512, strength=STRENGTH)
def vorbis(rows: TensorRows, *, strength: Column) -> TensorRows:
    """Through Ogg Vorbis and back (libvorbis, in libsndfile)."""
    return _through(rows, "OGG", "VORBIS", strength)


@mutator("audio.opus", kind="codec", cost=2048, strength=STRENGTH)
def opus(rows: TensorRows, *, strength: Column) -> TensorRows:
    """Through Opus and back (libopus, in libsndfile): the codec of calls in browsers."""
    return _through(rows, "OGG", "OPUS", strength, rates_hz=OPUS_RATES_HZ, most_channels=2)


@mutator("audio.gsm", kind="codec", cost=512)
def gsm(rows: TensorRows) -> TensorRows:
    """Through GSM 6.10 full rate, 8 kHz and 13 kbit/s, and back: a call of 1991."""
    return _through(rows, "WAV", "GSM610", None, rates_hz=GSM_RATES_HZ, most_channels=1)


@mutator("audio.adpcm", kind="codec", cost=128)
def adpcm(rows: TensorRows) -> TensorRows:
    """Through IMA ADPCM, 4 bits a sample, and back: cordless telephones, voice recorders."""
    return _through(rows, "WAV", "IMA_ADPCM", None, most_channels=1)


def _through(
    rows: TensorRows,
    container: str,
    coding: str,
    strength: Tensor | None,
    *,
    rates_hz: Sequence[int] = (),
    most_channels: int = 8,
) -> TensorRows:
    """Each row at its own length through a codec, at the lowest of its rates that holds the row's, else the highest."""
    own_hz = rate_of(rows)
    rate_hz = min((rate for rate in rates_hz if rate >= own_hz), default=max(rates_hz, default=own_hz))
    at_once = rows.data.shape[1] if rows.data.shape[1] <= most_channels else 1
    strengths = [None] * len(rows) if strength is None else strength.double().clamp(0, 1).tolist()
    data, lengths = rows.data.cpu().numpy(), lengths_of(rows).tolist()
    out = np.zeros_like(data)

    def work(row: int) -> None:
        length = lengths[row]
        for channel in range(0, data.shape[1], at_once):
            voice = slice(channel, channel + at_once)
            wave = _resampled(data[row, voice, :length], own_hz, rate_hz)
            back = transcode(wave, rate_hz, container=container, coding=coding, strength=strengths[row])
            out[row, voice, :length] = _resampled(back, rate_hz, own_hz)[:, :length]

    each_row(work, len(rows))
    return rows.with_data(torch.from_numpy(out).to(rows.data.device))


def _resampled(wave: NDArray[np.floating], from_hz: int, to_hz: int) -> NDArray[np.float32]:
    return np.ascontiguousarray(resampled(wave, from_hz, to_hz), np.float32)
