"""Example rows of every modality: small, various, the same each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch

from mlfuzz.batch import Rows, from_payloads
from mlfuzz.errors import ConfigError
from mlfuzz.modality.base import Modality, Payload, declared, rebuild, stored_dtype
from mlfuzz.registry import Registry

Values: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleRows:
    """What the laws run the operators of a modality on; a modality names its own in its `parts`.

    values: (modality, number, rng) -> an example: values in [low, high], which are brought to the grid, or a string.
    small: arguments of small instances, of each shape that operators tell apart. tiny: what the smallest have
    instead. large: what one has on which torch splits the work on a row between threads (above 32,768
    elements). degenerate: what real files hold too; left out, all at the low end, all at the high one, one high value.
    """

    values: Callable[[Any, int, np.random.Generator], Values | str]
    small: tuple[Mapping[str, object], ...] = ({},)
    tiny: tuple[Mapping[str, object], ...] = ()
    large: Mapping[str, object] | None = None
    degenerate: Callable[[Any], Sequence[Payload]] | None = None


EXAMPLES: Registry[ExampleRows] = Registry("example", declared=declared("examples"))


def example_modalities(name: str) -> list[Modality]:
    """Small instances of a modality, of each shape that operators tell apart."""
    return [rebuild({"name": name, **shape}) for shape in _examples(name).small]


def example_rows(modality: Modality, n: int, *, seed: int = 0, device: str = "cpu") -> Rows:
    """n rows of a modality: blobs and edges, tones and noise, or sentences. Raises ConfigError for an unknown one."""
    rng = np.random.default_rng([seed, 20])
    return from_payloads([_example(modality, row, rng) for row in range(n)], modality, torch.device(device))


def degenerate_rows(modality: Modality, *, device: str = "cpu") -> Rows:
    """What real files hold too: black, white and a lone bright pixel; silence and full scale; "" and one character."""
    make = _examples(modality.name).degenerate or _ends
    return from_payloads(make(modality), modality, torch.device(device))


def smallest(modality: Modality) -> list[Modality]:
    """The modality itself, and the smallest shapes of it that a file may have."""
    return [modality, *(_like(modality, shape) for shape in _examples(modality.name).tiny)]


def largest(modality: Modality) -> Modality:
    """A shape so large that torch splits the work on one row between threads, where examples name one."""
    large = _examples(modality.name).large
    return modality if large is None else _like(modality, large)


def _examples(name: str) -> ExampleRows:
    if name not in EXAMPLES.names():
        raise ConfigError(
            f'no example rows of modality {name!r}: give its parts examples="module:attribute", an ExampleRows'
        )
    return EXAMPLES.get(name)


def _ends(modality: Modality) -> list[Payload]:
    shape = np.shape(_example(modality, 0, np.random.default_rng(0)))
    low, high, lone = np.full(shape, modality.low), np.full(shape, modality.high), np.full(shape, modality.low)
    lone[..., shape[-1] // 2] = modality.high
    return [_stored(values, modality) for values in (low, high, lone)]


def _like(modality: Modality, changes: Mapping[str, object]) -> Modality:
    return rebuild({"name": modality.name, **modality.describe(), **changes})


def _example(modality: Modality, row: int, rng: np.random.Generator) -> Payload:
    values = _examples(modality.name).values(modality, row, rng)
    return values if isinstance(values, str) else _stored(values, modality)


def _picture(modality: Modality, _: int, rng: np.random.Generator) -> Values:
    """A bright blob and a dark bar on a slope, with a little noise, so that no operator leaves it as it is."""
    declared = modality.describe()
    size = declared["size"]
    height, width = size if isinstance(size, list) else (28, 28)
    y, x = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    planes = []
    for _ in range(int(str(declared["channels"]))):
        a, b, c = rng.uniform(0.25, 0.75, 3)
        plane = 0.2 + 0.2 * x + 0.6 * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.03) - 0.3 * (np.abs(x - c) < 0.08)
        planes.append(plane + rng.normal(0, 0.02, plane.shape))
    return np.stack(planes).clip(0, 1)


def _sound(modality: Modality, _: int, rng: np.random.Generator) -> Values:
    """Two tones that fade in and out, and a little noise; of 0.1 to 0.25 s where lengths may differ."""
    declared = modality.describe()
    rate = int(str(declared["sample_rate_hz"]))
    seconds = rng.uniform(0.1, 0.25) if modality.ragged else float(str(declared["seconds"]))
    time = np.arange(round(rate * seconds)) / rate
    low, high = rng.uniform(100, 400), rng.uniform(600, 3000)
    tones = 0.4 * np.sin(2 * np.pi * low * time) + 0.2 * np.sin(2 * np.pi * high * time)
    sound = tones * np.hanning(len(time)) + rng.normal(0, 0.01, len(time))
    return np.repeat(sound[None].clip(-1, 0.999), int(str(declared["channels"])), axis=0)


def _sentence(modality: Modality, row: int, _: np.random.Generator) -> str:
    return SENTENCES[row % len(SENTENCES)][: int(modality.high)]


def _odd_texts(modality: Modality) -> list[Payload]:
    return [text[: int(modality.high)] for text in ("", " ", "x", "\n", "\U0001f44d", "\u0301", "\r\n\0\0")]


def _stored(values: Values, modality: Modality) -> Payload:
    dtype = stored_dtype(modality)
    if modality.levels is None:
        return values.astype(dtype)
    scaled = np.rint(values * modality.levels)
    return scaled.clip(modality.low * modality.levels, modality.high * modality.levels).astype(dtype)


# One channel and more, both grids, one length and many, no room to grow: where operators have failed.
PICTURES = ExampleRows(
    values=_picture,
    small=(
        {"size": (28, 28), "channels": 1, "grid": "float32"},
        {"size": (20, 27), "channels": 3, "grid": "float32"},
        {"size": (28, 28), "channels": 1},
        {"size": (20, 27), "channels": 3},
    ),
    tiny=({"size": (1, 1)}, {"size": (2, 3)}),
    large={"size": (190, 211)},
)
SOUNDS = ExampleRows(
    values=_sound,
    small=({"seconds": 0.2, "grid": "float32"}, {"seconds": 0.2, "channels": 2}, {"seconds": None}),
    tiny=({"seconds": 0.001},),
    large={"seconds": 2.5},
)
TEXTS = ExampleRows(
    values=_sentence, small=({}, {"max_chars": 40}), tiny=({"max_chars": 1}, {"max_chars": 5}), degenerate=_odd_texts
)
