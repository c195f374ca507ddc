"""Does somebody speak? JaVAD's network for voice activity, which nobody here trained, on 1.92 s at 16 kHz.

    mlfuzz fuzz mlfuzz.examples.voice_activity:balanced    is there speech in the clip?
    mlfuzz fuzz mlfuzz.examples.voice_activity:frames      where is it?

Network and weights come from the package javad (MIT); `pip install mlfuzz[examples]` brings it. Its own rule is kept: a
frame of 10 ms is speech above its threshold, and a clip is where 0.3 s are. Each clip's spectrogram is brought to mean
0 and deviation 1 beforehand, which makes the faintest hiss look like something: a weakness that nobody planted.
Frame by frame, what was said later, or slower, is held against where it was on the seed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mlfuzz.errors import TargetLoadError
from mlfuzz.examples import data
from mlfuzz.examples.written import write_missing
from mlfuzz.modality.audio import Audio
from mlfuzz.targets.module import ModuleTarget

LABELS = ("no speech", "speech")
SAMPLE_RATE_HZ = 16_000
SECONDS = 1.92
"""What the network takes in one piece."""

SPEECH_FRAMES = 30
"""Frames above the threshold that make a clip speech: the package's shortest interval, 0.3 s."""

SEEDS = Path(".mlfuzz", "seeds", "voice_activity")
SPOKEN_SEEDS = 20


class VoiceActivity(nn.Module):
    """A frame-wise network as a classifier of clips: waveforms (B, 1, 30720) -> scores (B, 2), no speech and speech.

    frames: (B, 1, bands, 192) -> (B, 192). filters: (bands, 201). threshold: of the network's frames.
    framewise: gives a score a frame (B, 192) instead, speech above 0.5.
    """

    def __init__(self, frames: nn.Module, filters: Tensor, threshold: float, *, framewise: bool = False) -> None:
        super().__init__()
        self.frames, self.threshold, self.framewise = frames, threshold, framewise
        self.filters: Tensor
        self.hann: Tensor
        self.register_buffer("filters", filters.float())
        self.register_buffer("hann", torch.hann_window(400))

    def forward(self, waves: Tensor) -> Tensor:
        found: Tensor = self.frames(self._spectrogram(waves[:, 0])[:, None])
        if self.framewise:
            return found - self.threshold + 0.5
        score = found.topk(SPEECH_FRAMES, 1).values[:, -1] - self.threshold
        return torch.stack([-score, score], 1)

    def _spectrogram(self, waves: Tensor) -> Tensor:
        """(B, T) -> (B, bands, T // 160), as javad's Processor makes it of one clip."""
        energies = (
            self.filters @ torch.stft(waves, 400, 160, window=self.hann, return_complex=True)[..., :-1].abs() ** 2
        )
        levels = energies.clamp(min=1e-10).log10()
        levels = (torch.maximum(levels, levels.amax((1, 2), keepdim=True) - 8.0) + 4.0) / 4.0
        flat = levels.flatten(1)
        # A silent clip has no deviation; javad divides by 1e-6 then.
        return (levels - flat.mean(1)[:, None, None]) / flat.std(1).clamp(min=1e-6)[:, None, None]


def balanced() -> ModuleTarget:
    """The middle one of JaVAD's three networks; writes its seeds to .mlfuzz/seeds where they are not there yet.

    Raises TargetLoadError where the package is missing.
    """
    return _target("balanced", framewise=False)


def frames() -> ModuleTarget:
    """The same network frame by frame, for the oracle `frames`. Raises TargetLoadError as `balanced` does."""
    return _target("frames", framewise=True)


def _target(name: str, *, framewise: bool) -> ModuleTarget:
    try:
        from javad import MODELINFO, from_pretrained, load_mel_filters
    except ImportError as error:
        raise TargetLoadError(
            f"voice_activity needs {error.name or 'javad'}, which is not installed: pip install 'mlfuzz[examples]'"
        ) from error
    about = MODELINFO["balanced"]
    model = VoiceActivity(
        from_pretrained("balanced"), load_mel_filters(about["n_mels"]), about["threshold"], framewise=framewise
    )
    return ModuleTarget(
        f"voice_activity:{name}", _modality(), model.eval(), seeds=write_seeds(SEEDS),
        labels=() if framewise else LABELS, oracles=[{"name": "frames"}] if framewise else (),
    )  # fmt: skip


def write_seeds(folder: Path) -> Path:
    """FLAC files: 20 of two spoken digits each, and eight of hums, tones, rumble and clicks; -> `folder`.

    What is there already is left as it is.
    """
    spoken = sorted(data.path("seeds", "audio", "spoken_digits").glob("*/*.flac"))
    files: dict[str, Callable[[], bytes]] = {
        f"speech/{at:02d}.flac": partial(_words, spoken[at], spoken[(at + 13) % len(spoken)])
        for at in range(SPOKEN_SEEDS)
    }
    for name, hertz in (("hum-50", (50, 100, 150)), ("hum-60", (60, 120, 180)), ("tone", (440,)), ("dial", (350, 440))):
        files[f"no speech/{name}.flac"] = partial(_tones, hertz)
    for seed in range(2):
        files[f"no speech/rumble-{seed}.flac"] = partial(_rumble, seed)
        files[f"no speech/clicks-{seed}.flac"] = partial(_clicks, seed)
    return write_missing(folder, files)


def _modality() -> Audio:
    return Audio(sample_rate_hz=SAMPLE_RATE_HZ, seconds=SECONDS)


def _encoded(wave: NDArray[np.float64]) -> bytes:
    return _modality().encode(np.rint(wave * 32767).astype(np.int16)[None])


def _words(*files: Path) -> bytes:
    """The first 0.96 s of two clips, one after the other."""
    codec = Audio(sample_rate_hz=SAMPLE_RATE_HZ, seconds=SECONDS / 2)
    return _modality().encode(np.concatenate([np.asarray(codec.decode(file.read_bytes())) for file in files], 1))


def _time() -> NDArray[np.float64]:
    return np.arange(round(SECONDS * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ


def _tones(hertz: tuple[int, ...]) -> bytes:
    return _encoded(sum((0.05 * np.sin(2 * np.pi * each * _time()) for each in hertz), np.zeros(len(_time()))))


def _rumble(seed: int) -> bytes:
    """Noise that falls by 6 dB an octave."""
    steps = np.random.Generator(np.random.Philox(key=seed)).standard_normal(len(_time()))
    walk = np.cumsum(steps)
    return _encoded(0.3 * walk / np.abs(walk).max())


def _clicks(seed: int) -> bytes:
    """A dozen samples at half of full scale over a little hiss."""
    rng = np.random.Generator(np.random.Philox(key=seed))
    wave = 1e-3 * rng.standard_normal(len(_time()))
    wave[rng.integers(0, len(wave), 12)] += 0.5
    return _encoded(wave)
