"""Example rows of every modality: small, various, the same each time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mlfuzz.batch import Rows, from_payloads
from mlfuzz.errors import ConfigError
from mlfuzz.modality.base import Modality, Payload, rebuild

SENTENCES = (
    "The quick brown fox jumps over 13 lazy dogs.",
    "I don't think it's 10:30 yet, is it?",
    "straße, naïve café, Ærøskøbing",
    "Быстрая рыжая лиса прыгает через собаку",
    "速い茶色の狐は怠けた犬を飛び越える。",
    "مرحبا بالعالم 123",
    "e\u0301 combining, \U0001f468\u200d\U0001f469\u200d\U0001f467 family, \U0001f44d\U0001f3fd thumb",
    "UPPER lower Title  two  spaces",
    "see https://example.org/a?b=c#d or mail a.b@example.org",
    "line one\nline two\ttabbed\r\n",
    "a",
    "one two three four five six seven eight nine ten eleven twelve",
    "The film was not bad at all; I'd watch it again tomorrow!",
    "...!?",
)
"""Scripts, accents, emoji, digits, links, line ends: what text operators meet."""


SMALL: dict[str, tuple[dict[str, object], ...]] = {
    "image": (
        {"size": (28, 28), "channels": 1, "grid": "float32"},
        {"size": (20, 27), "channels": 3, "grid": "float32"},
        {"size": (28, 28), "channels": 1},
        {"size": (20, 27), "channels": 3},
    ),
    "audio": ({"seconds": 0.2, "grid": "float32"}, {"seconds": 0.2, "channels": 2}, {"seconds": None}),
    "text": ({}, {"max_chars": 40}),
}
"""One channel and more, both grids, one length and many, no room to grow: where operators have failed."""


def example_modalities(name: str) -> list[Modality]:
    """Small instances of a modality, of each shape that operators tell apart."""
    return [rebuild({"name": name, **shape}) for shape in SMALL.get(name, ({},))]


def example_rows(modality: Modality, n: int, *, seed: int = 0, device: str = "cpu") -> Rows:
    """n rows of a modality: blobs and edges, tones and noise, or sentences. Raises ConfigError for an unknown one."""
    rng = np.random.default_rng([seed, 20])
    return from_payloads([_example(modality, row, rng) for row in range(n)], modality, torch.device(device))


def degenerate_rows(modality: Modality, *, device: str = "cpu") -> Rows:
    """What real files hold too: black, white and a lone bright pixel; silence and full scale; "" and one character."""
    if modality.name == "text":
        limit = int(modality.high)
        texts: Sequence[Payload] = [text[:limit] for text in ("", " ", "x", "\n", "\U0001f44d", "\u0301", "\r\n\0\0")]
        return from_payloads(texts, modality, torch.device(device))
    shape = np.asarray(_example(modality, 0, np.random.default_rng(0))).shape
    low, high, lone = np.full(shape, modality.low), np.full(shape, modality.high), np.full(shape, modality.low)
    lone[..., shape[-1] // 2] = modality.high
    return from_payloads([_stored(values, modality) for values in (low, high, lone)], modality, torch.device(device))


def smallest(modality: Modality) -> list[Modality]:
    """The modality itself, and the smallest shapes of it that a file may have."""
    tiny: dict[str, list[dict[str, object]]] = {
        "image": [{"size": (1, 1)}, {"size": (2, 3)}],
        "audio": [{"seconds": 0.001}],
        "text": [{"max_chars": 1}, {"max_chars": 5}],
    }
    return [modality, *(_like(modality, shape) for shape in tiny.get(modality.name, []))]


def largest(modality: Modality) -> Modality:
    """A shape so large that torch splits the work on one row between threads (above 32,768 elements)."""
    large: dict[str, dict[str, object]] = {"image": {"size": (190, 211)}, "audio": {"seconds": 2.5}}
    return _like(modality, large[modality.name]) if modality.name in large else modality


def _like(modality: Modality, changes: dict[str, object]) -> Modality:
    return rebuild({"name": modality.name, **modality.describe(), **changes})


def _example(modality: Modality, row: int, rng: np.random.Generator) -> Payload:
    if modality.name == "image":
        return _stored(_picture(modality.describe(), rng), modality)
    if modality.name == "audio":
        return _stored(_sound(modality, rng), modality)
    if modality.name == "text":
        return SENTENCES[row % len(SENTENCES)][: int(modality.high)]
    raise ConfigError(f"no example rows of modality {modality.name!r}: give your own to the laws")


def _picture(
    declared: dict[str, object], rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """A bright blob and a dark bar on a slope, with a little noise, so that no operator leaves it as it is."""
    size = declared["size"]
    height, width = size if isinstance(size, list) else (28, 28)
    y, x = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    planes = []
    for _ in range(int(str(declared["channels"]))):
        a, b, c = rng.uniform(0.25, 0.75, 3)
        plane = 0.2 + 0.2 * x + 0.6 * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.03) - 0.3 * (np.abs(x - c) < 0.08)
        planes.append(plane + rng.normal(0, 0.02, plane.shape))
    return np.stack(planes).clip(0, 1)


def _sound(modality: Modality, rng: np.random.Generator) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Two tones that fade in and out, and a little noise; of 0.1 to 0.25 s where lengths may differ."""
    declared = modality.describe()
    rate = int(str(declared["sample_rate_hz"]))
    seconds = rng.uniform(0.1, 0.25) if modality.ragged else float(str(declared["seconds"]))
    time = np.arange(round(rate * seconds)) / rate
    low, high = rng.uniform(100, 400), rng.uniform(600, 3000)
    tones = 0.4 * np.sin(2 * np.pi * low * time) + 0.2 * np.sin(2 * np.pi * high * time)
    sound = tones * np.hanning(len(time)) + rng.normal(0, 0.01, len(time))
    return np.repeat(sound[None].clip(-1, 0.999), int(str(declared["channels"])), axis=0)


def _stored(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], modality: Modality) -> Payload:
    if modality.levels is None:
        return values.astype(np.float32)
    if modality.levels == 255:
        return np.rint(values * 255).astype(np.uint8)
    return np.rint(values * modality.levels).clip(-32768, 32767).astype(np.int16)
