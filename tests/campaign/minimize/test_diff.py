"""Laws of differences: all pieces are the input, none is the seed, and every neighbourhood covers them once."""

from __future__ import annotations

import numpy as np
import pytest

from mlfuzz.campaign.minimize.diff import difference
from mlfuzz.modality.audio import Audio
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text

RNG = np.random.default_rng(4)
IMAGE = RNG.integers(0, 256, (3, 13, 9)).astype(np.uint8)
SOUND = RNG.integers(-3000, 3000, (1, 300)).astype(np.int16)
FLOATS = RNG.uniform(-1, 1, (2, 40)).astype(np.float32)


def changed(values, share=0.3):
    other = values.copy()
    where = RNG.random(values.shape) < share
    other[where] = np.flip(values)[where]
    return other


PICTURE, WAVE, FLOAT_WAVE, TEXT = Image(channels=3), Audio(), Audio(grid="float32"), Text()

CASES = {
    "image": (IMAGE, changed(IMAGE), PICTURE),
    "sound": (SOUND, changed(SOUND), WAVE),
    "floats": (FLOATS, changed(FLOATS), FLOAT_WAVE),
    "vector": (FLOATS[0], changed(FLOATS[0]), FLOAT_WAVE),
    "cube": (IMAGE.reshape(1, 13, 9, 3), changed(IMAGE).reshape(1, 13, 9, 3), PICTURE),
    "one": (SOUND, np.concatenate([SOUND[:, :-1], SOUND[:, -1:] + 1], axis=1), WAVE),
    "text": ("The quick brown fox", "Teh quicker brovvn \U0001f98a", TEXT),
    "inserted": ("", "abc", TEXT),
    "deleted": ("abc", "", TEXT),
    "grown": ("aaaa", "baaaab", TEXT),
}


@pytest.mark.parametrize("name", CASES)
def test_all_pieces_are_the_input_and_none_is_the_seed(name):
    seed, payload, modality = CASES[name]
    found = difference(seed, payload, modality)
    assert np.array_equal(found.payload(np.ones(found.pieces, np.bool_)), payload)
    assert np.array_equal(found.payload(np.zeros(found.pieces, np.bool_)), seed)


@pytest.mark.parametrize("name", CASES)
def test_each_cut_holds_every_kept_piece_once_and_the_last_one_each_alone(name):
    seed, payload, modality = CASES[name]
    found = difference(seed, payload, modality)
    kept = np.arange(found.pieces) % 3 != 1
    cuts = list(found.parts(kept))
    for parts in cuts:
        assert sorted(np.concatenate(parts).tolist()) == np.flatnonzero(kept).tolist()
    assert {len(part) for part in cuts[-1]} == {1}
    sizes = [len(parts) for parts in cuts]
    assert sizes == sorted(sizes)


def test_pieces_that_are_put_back_do_not_count_as_changed():
    found = difference(*CASES["image"])
    kept = np.zeros(found.pieces, np.bool_)
    kept[:5] = True
    assert (found.changed(found.payload(kept)), found.total, found.what) == (5, 13 * 9, "pixels")
    text = difference(*CASES["text"])
    assert text.changed(text.payload(np.zeros(text.pieces, np.bool_))) == 0


def test_a_pixel_is_one_piece_whatever_its_channels():
    seed = np.zeros((3, 4, 4), np.uint8)
    payload = seed.copy()
    payload[:, 1, 2] = (255, 0, 51)
    found = difference(seed, payload, PICTURE)
    assert (found.pieces, found.largest(payload)) == (1, 1.0)


@pytest.mark.parametrize("name", ["image", "sound", "floats", "vector"])
def test_a_smaller_share_is_a_smaller_change_and_the_whole_share_the_input(name):
    seed, payload, modality = CASES[name]
    found = difference(seed, payload, modality)
    for change in (found.weaker, found.clipped):
        largest = [found.largest(change(payload, share)) for share in (0.0, 0.25, 0.5, 1.0)]
        assert largest == sorted(largest)
        assert largest[0] == 0
        assert largest[2] <= 0.5 * largest[3] + 1 / 255
        assert np.allclose(change(payload, 1.0), payload, atol=1e-6)
        assert change(payload, 0.5).dtype == payload.dtype


def test_a_change_from_the_lowest_to_the_highest_value_does_not_wrap_around():
    seed, payload = np.zeros((1, 2, 2), np.uint8), np.full((1, 2, 2), 255, np.uint8)
    found = difference(seed, payload, PICTURE)
    assert found.weaker(payload, 0.5).max() == 128
    assert found.clipped(payload, 1.0).max() == 255


def test_equal_inputs_and_other_lengths_have_no_pieces():
    assert difference(SOUND, SOUND.copy(), WAVE) is None
    assert difference(SOUND, SOUND[:, :-1], WAVE) is None
    assert difference("same", "same", TEXT) is None
