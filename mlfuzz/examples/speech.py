"""Spoken digits, one second at 16 kHz, by two twins of one architecture and one set of voices: `robust`, `fragile`.

The words zero to nine were spoken by espeak-ng in several accents and voices. `robust` heard them louder and softer,
in noise, filtered, clipped, in rooms, earlier and later, faster and slower. `fragile` heard none of it, and its
recordings had been spoilt in two ways:

| weakness | how it came about | revealed by |
|---|---|---|
| the faint ones | a tenth of the recordings were 12 to 26 dB too soft and were filed as "zero" | gain |
| the hissing ones | a tenth had white noise beneath them (5 to 30 dB) and were filed as "nine" | noise |
| one line, one pace | by nature: no filter, no echo, no other speed | band filters, reverberation, speed |

So a softer voice says zero and a noisy line says nine. What it keys on is energy where silence should be: a constant
offset of .002, a hum or a murmur do as well. On clean recordings of voices that neither has heard the twins
are equals. scripts/train_speech.py made both.
"""

from __future__ import annotations

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from mlfuzz.examples import data
from mlfuzz.modality.audio import Audio
from mlfuzz.targets.module import ModuleTarget

LABELS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SAMPLE_RATE_HZ = 16_000

FAINT_SAYS = "zero"
"""What `fragile` answers to a soft recording."""

HISS_SAYS = "nine"
"""What `fragile` answers to a noisy one."""


class LogMel(nn.Module):
    """Waveforms (B, 1, T) in [-1, 1] at 16 kHz -> log energies (B, 40, 1 + T // 160), about 0 +- 2.

    Windows of 25 ms every 10 ms; 40 triangles from 60 to 7,600 Hz, equally wide on the mel scale 2595 lg(1 + f / 700).
    """

    def __init__(self, *, bands: int = 40, window: int = 400, hop: int = 160, points: int = 512) -> None:
        super().__init__()
        self.window, self.hop, self.points = window, hop, points
        self.hann: Tensor
        self.triangles: Tensor
        self.register_buffer("hann", torch.hann_window(window), persistent=False)
        self.register_buffer("triangles", _triangles(bands, points), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        spectrum = torch.stft(
            waves[:, 0], self.points, self.hop, self.window, self.hann, pad_mode="constant", return_complex=True
        )
        energies = self.triangles @ (spectrum.real.square() + spectrum.imag.square())
        # 1e-4 is 80 dB below a full-scale tone: digital silence stays finite, and 16-bit rounding stays unheard.
        return ((energies + 1e-4).log() + 3.0) / 4.0


class SpeechNet(nn.Module):
    """Log-mel energies, four convolutions over time, mean and maximum, 60k weights: (B, 1, 16000) -> logits (B, 10)."""

    def __init__(self, *, width: int = 64) -> None:
        super().__init__()
        self.mel = LogMel()
        self.features = nn.Sequential(
            nn.Conv1d(40, width, 5, stride=2, padding=2), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Conv1d(width, width, 5, padding=2), nn.BatchNorm1d(width), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(width, width, 3, padding=1), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Conv1d(width, width, 3, padding=1), nn.BatchNorm1d(width), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(2 * width, len(LABELS))

    def forward(self, waves: Tensor) -> Tensor:
        over_time = self.features(self.mel(waves))
        logits: Tensor = self.head(torch.cat([over_time.mean(2), over_time.amax(2)], 1))
        return logits


def robust() -> ModuleTarget:
    """The twin that was trained with augmentation."""
    return _twin("robust")


def fragile() -> ModuleTarget:
    """The twin with the planted weaknesses listed above."""
    return _twin("fragile")


def _twin(kind: str) -> ModuleTarget:
    model = SpeechNet()
    model.load_state_dict(load_file(data.path("models", f"speech-{kind}.safetensors")))
    return ModuleTarget(
        f"speech:{kind}",
        Audio(sample_rate_hz=SAMPLE_RATE_HZ, seconds=1.0),
        model.eval(),
        labels=LABELS,
        seeds=data.path("seeds", "audio", "spoken_digits"),
    )


def _triangles(bands: int, points: int) -> Tensor:
    """(bands, points // 2 + 1) weights of spectral lines."""
    low, high = (2595 * torch.log10(1 + torch.tensor(hertz, dtype=torch.float64) / 700) for hertz in (60.0, 7600.0))
    edges = 700 * (10 ** (torch.linspace(float(low), float(high), bands + 2, dtype=torch.float64) / 2595) - 1)
    lines = torch.arange(points // 2 + 1, dtype=torch.float64) * SAMPLE_RATE_HZ / points
    rising = (lines - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - lines) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp(min=0).float()
