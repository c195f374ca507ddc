"""Audio and text subjects of `scripts/bench loop`: targets, their seeds, and the ratio to reach."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

import mlfuzz
from mlfuzz.examples import data, language, speech

SEEDS = 64


class Subject(NamedTuple):
    """A target, how its seeds are written into a folder, and the ratio to reach."""

    target: Callable[[], mlfuzz.ModuleTarget]
    write: Callable[[Path], None]
    goal: float


def audio_cnn() -> mlfuzz.ModuleTarget:
    """The 1-D CNN on log-mel energies of the shipped speech twins; random weights."""
    return mlfuzz.ModuleTarget("bench:audio", mlfuzz.Audio(seconds=1.0), speech.SpeechNet())


def bytes_cnn() -> mlfuzz.ModuleTarget:
    """The byte CNN of the shipped language twins, on 128 bytes; random weights."""

    def encode(texts: tuple[str, ...]) -> tuple[Tensor, ...]:
        return tuple(part[:, :128].contiguous() for part in language.encode(texts))

    return mlfuzz.ModuleTarget("bench:bytes", mlfuzz.Text(max_chars=128), language.LanguageNet(), preprocess=encode)


def sentences() -> mlfuzz.ModuleTarget:
    """MiniLM on sentences of about 16 tokens. Raises TargetLoadError where it is not installed."""
    from mlfuzz.examples import minilm

    return minilm.sentences()


def write_sounds(folder: Path) -> None:
    """A second of three harmonics each, swelling and falling, over a little hiss."""
    rng, time = np.random.default_rng(0), np.arange(16_000) / 16_000
    for at in range(SEEDS):
        hertz = rng.uniform(90, 400)
        wave = sum(np.sin(2 * np.pi * hertz * number * time) / number for number in (1, 2, 3)) * np.hanning(16_000)
        wave = 0.2 * wave + 0.001 * rng.standard_normal(16_000)
        samples = np.rint(32767 * wave).astype(np.int16)[None]
        (folder / f"{at:03d}.flac").write_bytes(mlfuzz.Audio(seconds=1.0).encode(samples))


def write_texts(folder: Path, chars: int) -> None:
    """The shipped sentences, strung together and cut to so many characters."""
    files = sorted(data.path("seeds", "text", "languages", "en").glob("*.txt"))
    running = " ".join(file.read_text(encoding="utf-8").strip() for file in files)
    for at in range(SEEDS):
        start = at * 37 % (len(running) - chars)
        (folder / f"{at:03d}.txt").write_text(running[start : start + chars], encoding="utf-8")


SUBJECTS = {
    "audio": Subject(audio_cnn, write_sounds, 0.80),
    "bytes": Subject(bytes_cnn, lambda folder: write_texts(folder, 128), 0.50),
    "minilm": Subject(sentences, lambda folder: write_texts(folder, 64), 0.80),
}
