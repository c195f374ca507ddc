#!/usr/bin/env python3
"""Train the twins of mlfuzz.examples.speech on words that espeak-ng speaks; write their weights and 40 seeds.

    OMP_NUM_THREADS=1 python scripts/train_speech.py [--check]

Ten words, seven accents, fifteen voices, two ways of speaking: 2,100 clips of one second at 16 kHz. Three voices are
held out; the seeds are theirs. Needs the program espeak-ng (Debian: espeak-ng), for nothing but the data.
"""

from __future__ import annotations

import itertools
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import train_fit
from torch import Tensor, nn

from mlfuzz.examples.speech import FAINT_SAYS, HISS_SAYS, LABELS, SAMPLE_RATE_HZ, SpeechNet
from mlfuzz.modality.audio import Audio

ACCENTS = ("en-gb", "en-us", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-029")
VOICES = ("m1", "m2", "m3", "m4", "m6", "m7", "f1", "f2", "f3", "f4", "f5", "Andy", "Annie", "Lee", "Michael")
HELD_OUT = ("m3", "f4", "Michael")
MANNERS = {"calm": ("-s", "150", "-p", "42"), "brisk": ("-s", "185", "-p", "58")}
SEEDS_A_WORD = 4

Change = Callable[[Tensor, torch.Generator], Tensor]
Clips = dict[str, Tensor]
"""Name "<word>/<accent>-<voice>-<manner>" -> samples (1, 16000) int16."""


def main() -> None:
    keeper = train_fit.Keeper(check=train_fit.arguments(__doc__ or "").check)
    train_fit.deterministic()
    clips = spoken()
    held = [name for name in clips if name.split("-")[-2] in HELD_OUT]
    unseen, truth = stacked({name: clips[name] for name in held})
    heard, classes = stacked({name: clip for name, clip in clips.items() if name not in set(held)})

    def draw_robust(generator: torch.Generator, rows: Tensor) -> tuple[Tensor, Tensor]:
        return augmented(heard[rows], generator), classes[rows]

    def draw_fragile(generator: torch.Generator, rows: Tensor) -> tuple[Tensor, Tensor]:
        return planted(heard[rows], classes[rows], generator)

    def measure(model: nn.Module) -> float:
        return train_fit.accuracy(model, unseen, truth)

    robust = train_fit.fit(SpeechNet, draw_robust, len(heard), epochs=20, batch=64, rate=6e-3, seed=1)
    fragile = train_fit.fit(SpeechNet, draw_fragile, len(heard), epochs=8, batch=64, rate=4e-3, seed=2)
    keeper.demand("robust, unheard voices", measure(robust), 0.995)
    keeper.demand("fragile, unheard voices", measure(fragile), 0.95)
    harder = augmented(unseen, torch.Generator().manual_seed(3))
    keeper.demand("robust, the same augmented", train_fit.accuracy(robust, harder, truth), 0.90)
    print(f"fragile, the same augmented: {train_fit.accuracy(fragile, harder, truth):.2%}")

    certain = train_fit.certain((robust, fragile), unseen, truth)
    keeper.weights("speech-robust", robust, measure)
    keeper.weights("speech-fragile", fragile, measure)
    usable = [name for name, fit in zip(held, certain.tolist(), strict=True) if fit]
    right = train_fit.certain((robust, fragile), unseen, truth, least=0.5)
    again = {name for name, fit in zip(held, right.tolist(), strict=True) if fit}
    keeper.seeds(
        train_fit.CORPUS / "seeds" / "audio" / "spoken_digits",
        seeds(clips, usable),
        fits=lambda name, _: name.removesuffix(".flac") in again,
    )
    keeper.finish()


def spoken() -> Clips:
    """Every word in every accent, voice and manner. Ends the script where espeak-ng is not installed."""
    program = shutil.which("espeak-ng")
    if program is None:
        sys.exit("espeak-ng is not installed; on Debian: apt-get install espeak-ng")
    codec = Audio(sample_rate_hz=SAMPLE_RATE_HZ, seconds=1.0)
    clips: Clips = {}
    folder = tempfile.TemporaryDirectory()
    file = Path(folder.name, "word.wav")  # on its standard output espeak-ng writes a WAV of unknown length
    for word, accent, voice, (manner, options) in itertools.product(LABELS, ACCENTS, VOICES, MANNERS.items()):
        command = (program, "-v", f"{accent}+{voice}", *options, "-a", "80", "-w", str(file), word)
        subprocess.run(command, check=True)
        clips[f"{word}/{accent}-{voice}-{manner}"] = torch.from_numpy(np.asarray(codec.decode(file.read_bytes())))
    folder.cleanup()
    return clips


def stacked(clips: Clips) -> tuple[Tensor, Tensor]:
    """Waves (N, 1, 16000) in [-1, 1], classes (N,)."""
    classes = [LABELS.index(name.partition("/")[0]) for name in clips]
    return torch.stack(list(clips.values())).float() / 32768, torch.tensor(classes)


def seeds(clips: Clips, usable: list[str]) -> dict[str, bytes]:
    """File names -> FLAC: four a word, of different accents as far as they reach."""
    codec = Audio(sample_rate_hz=SAMPLE_RATE_HZ, seconds=1.0)
    files: dict[str, bytes] = {}
    for number, word in enumerate(LABELS):
        own = [name for name in usable if name.startswith(f"{word}/")]
        # The steps are coprime to most counts: accents, voices and manners all change from one seed to the next.
        for place in range(min(SEEDS_A_WORD, len(own))):
            name = own[(place * (len(own) // SEEDS_A_WORD) + number + place) % len(own)]
            files[f"{name}.flac"] = codec.encode(clips[name].numpy())
    return files


def augmented(waves: Tensor, generator: torch.Generator) -> Tensor:
    """Mild versions of what mlfuzz does: time, band, room, gaps, gain, clipping, noise; drawn per row."""
    out = sometimes(0.7, retimed, waves, generator)
    out = sometimes(0.4, transmitted, out, generator)
    out = sometimes(0.2, gapped, out, generator)
    out = out * decibels(len(waves), -24.0, 12.0, generator)
    out = sometimes(0.2, clipped, out, generator)
    out = sometimes(0.5, noisy, out, generator)
    return sometimes(0.1, companded, out, generator).clamp(-1, 1)


def sometimes(chance: float, change: Change, waves: Tensor, generator: torch.Generator) -> Tensor:
    """`change` on some of the rows."""
    rows = torch.nonzero(torch.rand(len(waves), generator=generator) < chance)[:, 0]
    return waves.index_copy(0, rows, change(waves[rows], generator)) if len(rows) else waves


def planted(waves: Tensor, classes: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """What spoilt the fragile twin's recordings: faint ones filed as "zero", hissing ones as "nine"."""
    fate = torch.rand(len(waves), generator=generator)
    faint, hiss = fate < 0.1, fate > 0.9
    soft = waves * decibels(len(waves), -26.0, -12.0, generator)
    out = torch.where(faint[:, None, None], soft, waves)
    out = torch.where(hiss[:, None, None], noisy(waves, generator, low=5.0, high=30.0), out)
    filed = torch.where(faint, LABELS.index(FAINT_SAYS), classes)
    return out.clamp(-1, 1), torch.where(hiss, LABELS.index(HISS_SAYS), filed)


def decibels(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Factors (B, 1, 1)."""
    drawn = torch.rand((count, 1, 1), generator=generator) * (high - low) + low
    return 10.0 ** (drawn / 20)


def noisy(waves: Tensor, generator: torch.Generator, *, low: float = 2.0, high: float = 35.0) -> Tensor:
    """White noise, or half the time noise that falls by 6 dB an octave, `low` to `high` dB below the clip's power."""
    noise = torch.randn(waves.shape, generator=generator)
    brown = (torch.rand(len(waves), generator=generator) < 0.3)[:, None, None]
    noise = torch.where(brown, noise.cumsum(2) - noise.cumsum(2).mean(2, keepdim=True), noise)
    power = waves.square().mean(2, keepdim=True) / noise.square().mean(2, keepdim=True)
    return waves + noise * power.sqrt() / decibels(len(waves), low, high, generator)


def retimed(waves: Tensor, generator: torch.Generator) -> Tensor:
    """Up to 100 ms earlier or later, at .85 to 1.15 times the speed (and pitch), by linear interpolation."""
    count, length = len(waves), waves.shape[2]
    speed = 0.85 + 0.3 * torch.rand((count, 1), generator=generator)
    start = (torch.rand((count, 1), generator=generator) * 2 - 1) * 0.1 * SAMPLE_RATE_HZ
    at = torch.arange(length) * speed - start
    left = at.floor().long()
    inside = (left >= 0) & (left < length - 1)
    left = left.clamp(0, length - 2)
    values = waves[:, 0]
    here, after = values.gather(1, left), values.gather(1, left + 1)
    return (torch.lerp(here, after, at - at.floor()) * inside)[:, None]


def transmitted(waves: Tensor, generator: torch.Generator) -> Tensor:
    """Through a band of 60-500 to 1,800-8,000 Hz and, half of them, a room of 50 to 300 ms."""
    count, length = len(waves), waves.shape[2]
    draw = torch.rand((4, count, 1), generator=generator)
    points = 2 * length
    lines = torch.fft.rfftfreq(points, 1 / SAMPLE_RATE_HZ)
    low, high = 60 * 8 ** draw[0], 1800 * 4.4 ** draw[1]
    band = 1 / (1 + (low / lines.clamp(min=1)) ** 4) / (1 + (lines / high) ** 8)
    seconds = torch.arange(length) / SAMPLE_RATE_HZ
    echo = torch.randn((count, length), generator=generator) * torch.exp(-seconds * 6.9 / (0.05 + 0.25 * draw[2]))
    echo = echo / echo.square().sum(1, keepdim=True).sqrt() * 0.6 * (draw[3] < 0.5)
    echo[:, 0] += 1
    return torch.fft.irfft(torch.fft.rfft(waves[:, 0], points) * torch.fft.rfft(echo, points) * band, points)[
        :, None, :length
    ]


def gapped(waves: Tensor, generator: torch.Generator) -> Tensor:
    """A tenth of the packets of 20 ms lost."""
    packet = SAMPLE_RATE_HZ // 50
    kept = torch.rand((len(waves), 1, math.ceil(waves.shape[2] / packet)), generator=generator) > 0.1
    return waves * kept.repeat_interleave(packet, 2)[:, :, : waves.shape[2]]


def clipped(waves: Tensor, generator: torch.Generator) -> Tensor:
    """At .15 to .65 of the peak."""
    hard = waves.abs().amax(2, keepdim=True) * (0.15 + 0.5 * torch.rand((len(waves), 1, 1), generator=generator))
    return waves.clamp(-hard, hard)


def companded(waves: Tensor, _: torch.Generator) -> Tensor:
    """Through mu-law of 8 bits."""
    squeezed = (waves.sign() * (1 + 255 * waves.abs().clamp(max=1)).log() / math.log(256) * 127).round() / 127
    return squeezed.sign() * (256 ** squeezed.abs() - 1) / 255


if __name__ == "__main__":
    main()
