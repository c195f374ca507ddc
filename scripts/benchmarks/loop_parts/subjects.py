"""Audio and text subjects, and black boxes, of `scripts/bench loop`: targets, their seeds, and the ratio to reach."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image as Picture
from torch import Tensor

import mlfuzz
from mlfuzz.examples import data, language, speech

SEEDS = 64
DIGITS = tuple("0123456789")


class Subject(NamedTuple):
    """A target, how its seeds are written into a folder, and the ratio to reach."""

    target: Callable[[], Any]
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


BOX_SECONDS = 60e-6
"""What one input of a black box costs: at 50 us and more the loop is to reach half of its bare speed."""


def box(modality: Any, answer: Callable[[Any], Any], labels: Sequence[str] = ()) -> mlfuzz.CallableTarget:
    """A function of a batch that takes `BOX_SECONDS` of the processor an input, whatever else the machine does."""

    def black_box(inputs: Any, *_: Any) -> Any:
        until = time.process_time() + BOX_SECONDS * len(inputs)
        given = answer(inputs)
        while time.process_time() < until:
            pass
        return given

    return mlfuzz.CallableTarget("bench:box", modality, black_box, labels=labels, numpy=True)


def scores(inputs: Any) -> Any:
    """Ten scores from pixels or samples."""
    flat = np.asarray(inputs).reshape(len(inputs), -1)
    return flat[:, : flat.shape[1] // 10 * 10].reshape(len(inputs), 10, -1).mean(2)


def names(inputs: Any) -> list[str]:
    return [DIGITS[at] for at in scores(inputs).argmax(1).tolist()]


def letters(texts: Any) -> Any:
    """Ten scores from what letters there are."""
    return np.asarray([[text.count(letter) for letter in "etaoinshrd"] for text in texts], np.float32)


def write_pictures(folder: Path) -> None:
    """Smooth random pictures of 28x28 grey pixels."""
    rng = np.random.default_rng(0)
    for at in range(SEEDS):
        coarse = Picture.fromarray(rng.integers(0, 256, (7, 7), dtype=np.uint8), "L")
        coarse.resize((28, 28), Picture.Resampling.BICUBIC).save(folder / f"{at:03d}.png")


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
    "box-image": Subject(lambda: box(mlfuzz.Image(size=(28, 28)), scores), write_pictures, 0.50),
    "box-names": Subject(lambda: box(mlfuzz.Image(size=(28, 28)), names, DIGITS), write_pictures, 0.50),
    "box-audio": Subject(lambda: box(mlfuzz.Audio(seconds=1.0), scores), write_sounds, 0.50),
    "box-text": Subject(
        lambda: box(mlfuzz.Text(max_chars=128), letters, DIGITS), lambda folder: write_texts(folder, 64), 0.50
    ),
    "box-words": Subject(
        lambda: box(mlfuzz.Text(max_chars=128), lambda texts: [text[:8] for text in texts]),
        lambda folder: write_texts(folder, 64),
        0.50,
    ),
}
