"""Replace mutations: content by digest, part of the way, never drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mlfuzz
from mlfuzz.batch import TensorRows, from_payloads
from mlfuzz.errors import ReplayError, UsageError
from mlfuzz.mutation import Mutation, blobs_of, sentence
from mlfuzz.mutators.base import MUTATORS, replay, select, units
from mlfuzz.storage.contents import CONTENTS
from mlfuzz.testing.rows import example_rows

GREY = mlfuzz.Image(size=(6, 5))
FLOATS = mlfuzz.Image(size=(6, 5), grid="float32")


def stored(modality: mlfuzz.Image | mlfuzz.Audio, payload: np.ndarray) -> str:
    return CONTENTS.put(modality.encode(payload))


def step(modality: str, blob: str, share: float = 1.0) -> tuple[Mutation, ...]:
    return (Mutation(f"{modality}.replace", {"blob": blob, "share": share}),)


@pytest.mark.parametrize("modality", [GREY, FLOATS], ids=["uint8", "float32"])
def test_the_whole_way_is_the_content_bit_for_bit_and_none_is_the_row(modality: mlfuzz.Image) -> None:
    rows = example_rows(modality, 2)
    blob = stored(modality, rows.payload(1))
    for share, expected in ((1.0, 1), (0.0, 0)):
        seen = replay(rows.part(0, 1), [step("image", blob, share)])
        assert np.array_equal(seen.payload(0), rows.payload(expected))


def test_half_of_the_way_lies_in_the_middle_and_on_the_grid() -> None:
    black, white = np.zeros((1, 6, 5), np.uint8), np.full((1, 6, 5), 201, np.uint8)
    rows = from_payloads([black], GREY, torch.device("cpu"))
    seen = replay(rows, [step("image", stored(GREY, white), 0.5)])
    assert set(np.asarray(seen.payload(0)).ravel().tolist()) == {100}


def test_sounds_of_other_lengths_take_the_length_of_the_content() -> None:
    modality = mlfuzz.Audio(seconds=None, sample_rate_hz=8000)
    rng = np.random.default_rng(0)
    short, long = (rng.integers(-9000, 9000, (1, size)).astype(np.int16) for size in (300, 500))
    rows = from_payloads([short, long], modality, torch.device("cpu"))
    blobs = [stored(modality, long), stored(modality, short)]
    seen = replay(rows, [step("audio", blobs[0], 0.25), step("audio", blobs[1])])
    assert np.array_equal(seen.payload(1), short)
    mixed = np.asarray(seen.payload(0))
    assert mixed.shape == (1, 500)
    assert np.abs(mixed[0, 300:] - long[0, 300:] * 0.25).max() <= 1
    assert isinstance(seen, TensorRows)
    assert not seen.data[1, :, 300:].any()


def test_content_of_another_shape_or_none_at_all_is_a_replay_error() -> None:
    rows = example_rows(GREY, 1)
    free = mlfuzz.Image(size=None)
    small = step("image", stored(free, np.zeros((1, 3, 3), np.uint8)))
    any_size = from_payloads([rows.payload(0)], free, torch.device("cpu"))
    with pytest.raises(ReplayError, match="shape"):
        replay(any_size, [small])
    with pytest.raises(ReplayError, match="not there"):
        replay(rows, [step("image", "0" * 64)])
    with pytest.raises(ReplayError, match="no input"):
        replay(rows, [step("image", CONTENTS.put(b"no picture"))])


def test_what_searches_record_is_never_drawn() -> None:
    for modality in ("image", "audio", "text"):
        assert MUTATORS.get(f"{modality}.replace").searched
        for patterns in ((), (f"{modality}.*",), ("default",)):
            assert f"{modality}.replace" not in [part.name for part in select(modality, patterns)]
        with pytest.raises(UsageError, match="search"):
            select(modality, (f"{modality}.replace",))


def test_a_sentence_tells_the_way_and_not_the_digest() -> None:
    chain = step("image", "ab" * 32, 0.25)
    assert sentence(chain, units()) == "replace 0.25 of the way to what a search found"
    assert blobs_of((*chain, Mutation("image.rotate", {"degrees": 3.0}), *chain)) == ("ab" * 32,)
