"""Pictures in the report: seed, input, and what lies between them."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import specimen
from PIL import Image

from mlfuzz.report.exhibits import exhibit
from mlfuzz.report.pictures import amplified, show


@pytest.fixture(scope="module")
def flip():
    finding, files = specimen._flips("x")[0]
    return finding, files["input.png"], files["seed.png"]


def opened(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,")))))


def test_a_small_change_is_raised_until_it_is_seen():
    before = np.full((4, 4, 1), 100, np.uint8)
    after = before.copy()
    after[0, 0] += 3
    difference, gain = amplified(before, after)
    assert gain == 64
    assert difference.max() == 192
    assert amplified(before, 255 - before)[1] == 4
    assert amplified(before, before)[1] == 1


def test_the_page_holds_the_very_pixels(flip):
    finding, data, seed = flip
    shown = show(finding, data, seed)
    np.testing.assert_array_equal(opened(shown["after"]), np.asarray(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(opened(shown["before"]), np.asarray(Image.open(io.BytesIO(seed))))
    assert shown["crisp"]
    assert 0 < shown["changed"] < 1


def test_without_a_seed_there_is_no_difference(flip):
    finding, data, _ = flip
    shown = show(finding, data, None)
    assert (shown["before"], shown["difference"]) == ("", "")


def test_a_damaged_picture_is_shown_as_bytes_with_the_reason(flip):
    finding, _, _ = flip
    template, values = exhibit(finding, b"<script>alert(1)</script>", None)
    assert template == "bytes.html"
    assert values["reason"]
    assert values["total"] == 25


def test_an_input_without_a_modality_is_bytes(flip):
    import msgspec

    finding = msgspec.structs.replace(flip[0], modality={})
    template, values = exhibit(finding, bytes(range(40)), None)
    assert template == "bytes.html"
    assert [line[0] for line in values["lines"]] == ["000000", "000010", "000020"]
