"""Sounds in the report: players, waveforms and spectrograms made from the decoded samples."""

from __future__ import annotations

import base64
import io
import wave
import xml.etree.ElementTree as ET

import msgspec
import numpy as np
import pytest
import specimen
from PIL import Image

from mlfuzz.modality.audio import Audio
from mlfuzz.report.exhibits import exhibit
from mlfuzz.report.sounds import FRAME, player, show, spectrogram, waves

RATE = 8000


def tone(hertz: float, seconds: float = 0.5) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(RATE * seconds)) / RATE)).astype(np.float32)


@pytest.fixture(scope="module")
def finding():
    modality = {"name": "audio", "sample_rate_hz": RATE, "seconds": 0.5}
    return msgspec.structs.replace(specimen._flips("x")[0][0], modality=modality)


@pytest.fixture(scope="module")
def files():
    modality = Audio(sample_rate_hz=RATE, seconds=0.5)
    return [modality.encode(np.rint(tone(hertz) * 32767).astype(np.int16)[None]) for hertz in (440, 880)]


def test_the_player_holds_the_samples(finding, files):
    shown = show(finding, files[1], files[0])
    uri = shown["after"]["player"]
    with wave.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:audio/wav;base64,")))) as file:
        assert (file.getframerate(), file.getnframes()) == (RATE, RATE // 2)
        played = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    np.testing.assert_allclose(played, np.rint(tone(880) * 32767), atol=2)
    assert shown["seconds"] == 0.5


def test_a_higher_tone_stands_higher_in_the_spectrogram():
    rows = []
    for hertz in (500, 3000):
        uri = spectrogram(tone(hertz))
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))), np.int64)
        rows.append(pixels.sum(axis=(1, 2)).argmax() / len(pixels))
    assert rows[1] < 0.35 < 0.8 < rows[0]


def test_a_sound_too_short_for_a_spectrogram_has_none():
    assert spectrogram(np.zeros(FRAME - 1, np.float32)) == ""


def test_waveforms_share_one_scale_and_stay_in_their_box():
    tree = ET.fromstring(str(waves(tone(440), tone(440, seconds=0.25))))
    widths = []
    for polygon in tree:
        points = [tuple(map(float, point.split(","))) for point in polygon.attrib["points"].split()]
        assert all(0 <= y <= 64 for _, y in points)
        widths.append(max(x for x, _ in points))
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.02)


def test_silence_and_clipping_are_drawn_and_played():
    for samples in (np.zeros(1000, np.float32), np.full(1000, 9.0, np.float32)):
        assert player(samples, RATE).startswith("data:audio/wav")
        assert "nan" not in str(waves(None, samples.clip(-1, 1)))


def test_a_damaged_sound_is_shown_as_bytes(finding):
    template, values = exhibit(finding, b"RIFF....", None)
    assert template == "bytes.html"
    assert values["reason"]
