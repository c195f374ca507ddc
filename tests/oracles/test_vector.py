"""Embeddings: direction counts, length does not; and the nearest neighbour must stay."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from mlfuzz.errors import ConfigError
from mlfuzz.oracles.base import Floor
from mlfuzz.oracles.vector import Cosine, Neighbour
from mlfuzz.testing import examples


def test_the_margin_is_what_the_cosine_lacks() -> None:
    before = torch.tensor([[1.0, 0.0]]).repeat(3, 1)
    after = torch.tensor([[5.0, 0.0], [1.0, 1.0], [0.0, 2.0]])
    verdict = Cosine(bound=0.5).check(examples.observation(after), examples.observation(before), examples.batch(3))
    assert verdict.margin.tolist() == pytest.approx([-0.5, 0.5 - 2**-0.5, 0.5])


def test_a_vector_of_zeros_has_no_direction_and_is_unjudged() -> None:
    before, after = torch.ones((2, 4)), torch.stack([torch.zeros(4), torch.ones(4)])
    verdict = Cosine().check(examples.observation(after), examples.observation(before), examples.batch(2))
    assert verdict.judged.tolist() == [False, True]


def test_the_floor_is_in_cosines() -> None:
    assert Cosine().noise(Floor(single=1e-3, spread=0.5)) == pytest.approx(8e-3 / 0.5)
    assert Cosine().noise(Floor(single=0.0, spread=0.0)) == pytest.approx(1e-4)


@pytest.fixture
def gallery(tmp_path: Path) -> str:
    path = tmp_path / "gallery.npy"
    np.save(path, np.asarray([[1.0, 0.0], [0.0, 1.0], [-3.0, 0.0]]))
    return str(path)


def test_another_nearest_neighbour_fails_and_the_key_names_both(gallery: str) -> None:
    before = torch.tensor([[2.0, 0.1], [2.0, 0.1]])
    after = torch.tensor([[1.0, 0.9], [0.9, 1.0]])
    seen, reference = examples.observation(after), examples.observation(before)
    verdict = Neighbour(gallery=gallery).check(seen, reference, examples.batch(2))
    assert verdict.failed.tolist() == [False, True]
    assert int(verdict.keys[1]) == 0 * 3 + 1
    details = Neighbour(gallery=gallery).explain(seen, reference, examples.batch(2), 1)
    assert (details["expected"], details["observed"]) == ("gallery 0", "gallery 1")


def test_a_gallery_of_another_width_is_refused(gallery: str) -> None:
    seen = examples.observation(torch.ones((1, 3)))
    with pytest.raises(ConfigError, match="vectors of 2 values"):
        Neighbour(gallery=gallery).check(seen, seen, examples.batch(1))


def test_a_gallery_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    one = tmp_path / "one.npy"
    np.save(one, np.ones((1, 4)))
    for path in (one, tmp_path / "missing.npy"):
        with pytest.raises(ConfigError, match=path.name):
            Neighbour(gallery=str(path))


def test_scores_of_one_number_are_no_vector() -> None:
    seen = examples.observation(torch.ones((2, 1)))
    with pytest.raises(ConfigError, match="one vector an input"):
        Cosine().check(seen, seen, examples.batch(2))


def test_a_gallery_that_nobody_would_ever_end_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "gone", Path("/dev/zero")):
        with pytest.raises(ConfigError, match="is no file"):
            Neighbour(gallery=str(path))
