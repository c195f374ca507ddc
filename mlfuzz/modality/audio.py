"""Waveforms: files of four formats <-> payloads (C, T), 16-bit or float32 in [-1, 1], at one sample rate."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import BadInputError, ConfigError
from mlfuzz.modality.base import MODALITIES, Payload
from mlfuzz.modality.container import MAX_CHANNELS, MAX_RATE_HZ, MIN_RATE_HZ
from mlfuzz.modality.parts import ModalityParts, Reading
from mlfuzz.modality.resample import resampled
from mlfuzz.modality.sound import MAX_SAMPLES, MAX_SECONDS, read_sound, write_flac, write_wav

FULL_SCALE = 32768
"""Steps of one unit on the 16-bit grid: -1 is -32768, the highest value is 32767 / 32768."""

MARGIN_SECONDS = 0.1
"""What is read beyond the declared length: the resampler's filter sees what follows the cut (48 samples at 1 kHz)."""


MAX_SOUND_BYTES = 256 << 20
"""Of a file: ten minutes of two channels at 48 kHz are 220 MiB at 32 bits."""


def plain_reading(modality: Audio, file: str) -> Reading:
    """With soundfile alone."""
    lines = (
        "x, _ = soundfile.read(path, dtype='float32', always_2d=True)",
        "x = torch.from_numpy(x.T.copy())[None]  # (1, channels, samples)",
    )
    return Reading(("import soundfile",), lines)


@dataclass(frozen=True, slots=True)
class Audio:
    """Waveforms of one shape.

    sample_rate_hz: what the target is handed; files of other rates are converted. channels: others are mixed.
    seconds: the length of every payload; None keeps each at its own (the target is then handed `lengths` too).
    grid: "int16" keeps every mutant a 16-bit FLAC; "float32" keeps it a float WAV.
    fit: what happens to a file of another length: "pad" (silence behind a shorter one, a longer one is cut at its end)
    or "refuse".
    Raises ConfigError for values that make no sense.
    """

    parts: ClassVar = ModalityParts(
        mutators="mlfuzz.mutators.audio",
        distance="mlfuzz.mutators.audio.limits:DISTANCE",
        exhibit="mlfuzz.report.sounds:EXHIBIT",
        examples="mlfuzz.testing.rows:SOUNDS",
        pieces="samples",
        starter="sample_rate_hz=16000, seconds=1.0",
        handed="x: (B, 1, 16000), float32 in [-1, 1]",
        reading=plain_reading,
        columns=("audio", "wav", "sound", "speech", "clip"),
        most_bytes=MAX_SOUND_BYTES,
    )

    sample_rate_hz: int = 16_000
    seconds: float | None = 1.0
    channels: int = 1
    grid: Literal["int16", "float32"] = "int16"
    fit: Literal["pad", "refuse"] = "pad"

    def __post_init__(self) -> None:
        if not isinstance(self.sample_rate_hz, int) or not MIN_RATE_HZ <= self.sample_rate_hz <= MAX_RATE_HZ:
            raise ConfigError(
                f"audio sample_rate_hz is whole, {MIN_RATE_HZ} to {MAX_RATE_HZ}, not {self.sample_rate_hz!r}"
            )
        if not isinstance(self.channels, int) or not 1 <= self.channels <= MAX_CHANNELS:
            raise ConfigError(f"audio channels are 1 to {MAX_CHANNELS}, not {self.channels!r}")
        if self.seconds is not None and not (
            isinstance(self.seconds, int | float) and 0 < self.seconds <= MAX_SECONDS and self.length
        ):
            raise ConfigError(f"audio seconds are above 0, at most {MAX_SECONDS:.0f}, not {self.seconds!r}")
        if (self.length or 0) * self.channels > MAX_SAMPLES:
            raise ConfigError(f"audio of {self.seconds} s in {self.channels} channels has more than 32 Mi samples")
        if self.grid not in ("int16", "float32"):
            raise ConfigError(f"audio grid is 'int16' or 'float32', not {self.grid!r}")
        if self.fit not in ("pad", "refuse"):
            raise ConfigError(f"audio fit is 'pad' or 'refuse', not {self.fit!r}")

    @property
    def name(self) -> str:
        return "audio"

    @property
    def suffix(self) -> str:
        return ".flac" if self.grid == "int16" else ".wav"

    @property
    def reads(self) -> tuple[str, ...]:
        return (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3")

    @property
    def levels(self) -> int | None:
        return FULL_SCALE if self.grid == "int16" else None

    @property
    def low(self) -> float:
        return -1.0

    @property
    def high(self) -> float:
        return 1 - 1 / FULL_SCALE if self.grid == "int16" else 1.0

    @property
    def ragged(self) -> bool:
        return self.seconds is None

    @property
    def length(self) -> int | None:
        """Samples of every payload; None where lengths vary."""
        return None if self.seconds is None else round(self.seconds * self.sample_rate_hz)

    def decode(self, data: bytes, *, suffix: str = "") -> Payload:
        """Bytes of a sound file -> (C, T), int16 or float32 in [-1, 1].

        The content decides on the format; `suffix` is not looked at. Mixed, converted to the sample rate, cut or
        filled to the declared length, clipped, rounded to the grid.
        Raises BadInputError.
        """
        enough = None if self.seconds is None or self.fit == "refuse" else self.seconds + MARGIN_SECONDS
        samples, rate_hz = read_sound(data, channels=self.channels, seconds=enough)
        if samples.shape[1] / rate_hz * self.sample_rate_hz * self.channels > MAX_SAMPLES:
            raise BadInputError("more than 32 Mi samples", f"at {self.sample_rate_hz} Hz")
        return self._on_grid(self._fitted(resampled(samples, rate_hz, self.sample_rate_hz)))

    def encode(self, payload: Payload) -> bytes:
        """(C, T) -> bytes of a 16-bit FLAC, or of a float WAV where the grid is float32.

        The same payload gives the same bytes. Raises BadInputError for an array that is none of this modality.
        """
        samples = self._checked(payload)
        if samples.dtype == np.int16:
            return write_flac(samples.astype(np.int16, copy=False), self.sample_rate_hz)
        return write_wav(samples.astype(np.float32, copy=False), self.sample_rate_hz)

    def describe(self) -> dict[str, object]:
        return asdict(self)

    def _checked(self, payload: Payload) -> NDArray[np.generic]:
        if not isinstance(payload, np.ndarray) or payload.dtype != self.grid:
            raise BadInputError("not a payload of this modality", f"a waveform is a {self.grid} array (C, T)")
        due = self.length or "T"
        if (
            payload.ndim != 2
            or len(payload) != self.channels
            or not payload.shape[1]
            or (self.length is not None and payload.shape[1] != self.length)
        ):
            raise BadInputError(
                "not a payload of this modality", f"shape {payload.shape} where ({self.channels}, {due}) is due"
            )
        if payload.dtype == np.float32 and not bool(np.abs(payload).max() <= 1):
            raise BadInputError("not a payload of this modality", "a waveform lies in [-1, 1]")
        return payload

    def _fitted(self, samples: NDArray[np.floating]) -> NDArray[np.floating]:
        have = samples.shape[1]
        if self.length is None or have == self.length:
            return samples
        if self.fit == "refuse":
            raise BadInputError("another length", f"{have} samples where {self.length} are due")
        return np.pad(samples, ((0, 0), (0, max(0, self.length - have))))[:, : self.length]

    def _on_grid(self, samples: NDArray[np.floating]) -> Payload:
        if self.grid == "float32":
            return np.ascontiguousarray(samples.clip(-1, 1).astype(np.float32))
        scaled = np.rint(samples * FULL_SCALE).clip(-FULL_SCALE, FULL_SCALE - 1)
        return np.ascontiguousarray(scaled.astype(np.int16))


MODALITIES.add("audio", Audio)
