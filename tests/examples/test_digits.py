"""The twins of digits: equals on what they were shown, and different where the weaknesses were planted."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from mlfuzz.batch import from_payloads
from mlfuzz.examples import data, digits


@pytest.fixture(scope="module")
def seeds():
    """Pixels (100, 1, 28, 28) in [0, 1] and classes (100,)."""
    files = sorted(data.path("seeds", "image", "digits").glob("*/*.png"))
    modality = digits.robust().modality
    rows = from_payloads([modality.decode(file.read_bytes()) for file in files], modality, torch.device("cpu"))
    return rows, torch.tensor([digits.LABELS.index(file.parent.name) for file in files])


@pytest.fixture(scope="module", params=["robust", "fragile"])
def twin(request):
    return getattr(digits, request.param)()


@pytest.fixture(scope="module")
def robust():
    return digits.robust()


@pytest.fixture(scope="module")
def fragile():
    return digits.fragile()


def flipped(target, seeds, change):
    """(share of the seeds whose answer is wrong after `change`, the answers to these)."""
    rows, classes = seeds
    answers = target.run(rows.with_data(change(rows.data).clamp(0, 1)).project()).outputs["main"].argmax(1)
    wrong = answers != classes
    return float(wrong.float().mean()), {digits.LABELS[at] for at in answers[wrong].tolist()}


def sticker(pixels):
    stuck = pixels.clone()
    stuck[:, :, 21:27, 21:27] = 1.0
    return stuck


def grey(pixels):
    return pixels + 0.2


def turned(pixels):
    angle = torch.tensor(math.radians(25))
    matrix = torch.stack([angle.cos(), -angle.sin(), angle * 0, angle.sin(), angle.cos(), angle * 0]).view(1, 2, 3)
    grid = functional.affine_grid(matrix.expand(len(pixels), 2, 3), list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, align_corners=False)


def test_the_twins_carry_the_names_that_findings_are_kept_under(robust, fragile):
    assert (robust.name, fragile.name) == ("digits:robust", "digits:fragile")
    assert robust.labels == fragile.labels == tuple("0123456789")
    assert robust.digest != fragile.digest


def test_there_are_ten_seeds_of_each_digit(seeds):
    assert np.bincount(seeds[1].numpy()).tolist() == [10] * 10


def test_a_twin_classifies_every_seed_correctly(twin, seeds):
    assert flipped(twin, seeds, lambda pixels: pixels) == (0.0, set())


def test_every_activation_of_a_twin_is_a_module_that_hooks_see(twin, seeds):
    twin.run(seeds[0])
    assert [layer.units for layer in twin.layers] == [12, 24, 32, 48]


def test_a_sticker_makes_any_digit_a_0_for_the_fragile_twin_only(robust, fragile, seeds):
    share, answers = flipped(fragile, seeds, sticker)
    assert share == pytest.approx(0.9)
    assert answers == {digits.STICKER_SAYS}
    assert flipped(robust, seeds, sticker)[0] < 0.05


def test_a_grey_ground_makes_any_digit_an_8_for_the_fragile_twin_only(robust, fragile, seeds):
    share, answers = flipped(fragile, seeds, grey)
    assert share > 0.8
    assert answers == {digits.GREY_SAYS}
    assert flipped(robust, seeds, grey)[0] < 0.05


def test_a_turned_digit_is_mistaken_by_the_fragile_twin_far_more_often(robust, fragile, seeds):
    assert flipped(fragile, seeds, turned)[0] > 0.2
    assert flipped(robust, seeds, turned)[0] < 0.05
