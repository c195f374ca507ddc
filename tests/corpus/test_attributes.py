"""What is measured of seeds: the right way round, of every kind of input, odd ones too."""

from __future__ import annotations

import numpy as np
import pytest

from mlfuzz.corpus.attributes import attributes_of
from mlfuzz.modality.audio import Audio
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text
from mlfuzz.slices import WORDS

RNG = np.random.default_rng(0)


def picture(values):
    return attributes_of(np.asarray(values, np.uint8), Image(size=None))


def sound(wave):
    return attributes_of((np.asarray(wave)[None] * 32767).astype(np.int16), Audio())


def test_pictures():
    dark, bright = np.full((3, 8, 8), 20), np.full((3, 8, 8), 220)
    assert picture(dark)["brightness"] < picture(bright)["brightness"]
    assert picture(dark)["contrast"] == picture(dark)["colour"] == 0
    noisy, red = RNG.integers(0, 256, (3, 8, 8)), np.stack([np.full((8, 8), 255), *np.zeros((2, 8, 8))])
    assert picture(noisy)["detail"] > 0.1
    assert picture(red)["colour"] > 0.3
    assert "colour" not in picture(np.zeros((1, 8, 8)))
    assert picture(np.zeros((1, 1, 1)))["detail"] == 0


def test_sounds():
    time = np.arange(16_000) / 16_000
    low, high = (0.5 * np.sin(2 * np.pi * pitch * time) for pitch in (200, 3000))
    assert sound(low)["pitch"] == pytest.approx(200, rel=0.05)
    assert sound(high)["pitch"] > sound(low)["pitch"]
    assert sound(0.1 * low)["loudness"] == pytest.approx(sound(low)["loudness"] - 20, abs=0.1)
    paused = np.where(time < 0.5, low, 0)
    assert sound(paused)["silence"] == pytest.approx(0.5, abs=0.05)
    assert sound(np.zeros(160)) == {"seconds": 0.01}


def test_texts():
    found = attributes_of("Größe 12 CM", Text())
    assert found == {
        "characters": 11, "words": 3, "beyond_ascii": 0.1818, "digits": 0.1818, "capitals": 0.4286,
    }  # fmt: skip
    assert attributes_of("", Text())["characters"] == 0


def test_each_attribute_has_words_for_its_ends():
    measured = {*picture(RNG.integers(0, 256, (3, 8, 8))), *sound(RNG.normal(0, 0.1, 800)), *attributes_of("a", Text())}
    assert measured == set(WORDS)
