import numpy as np
import pytest

from mlfuzz.campaign.confirm.embedding import sketch
from mlfuzz.findings.sketch import DIMENSIONS, direction, distance


def angle(one, other):
    return 1.0 - distance(direction(sketch(one)), direction(sketch(other)))


@pytest.mark.parametrize(("units", "tolerance"), [(3, 0.02), (DIMENSIONS, 0.02), (700, 0.2)])
def test_angles_survive_the_sketch(units, tolerance):
    rng = np.random.default_rng(5)
    for _ in range(20):
        one, noise = rng.normal(size=(2, units))
        other = one + noise
        true = float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
        assert angle(one, other) == pytest.approx(true, abs=tolerance)


def test_the_length_of_a_shift_does_not_count_and_its_sign_does():
    shift = np.asarray([0.5, -2.0, 0.0, 1.0])
    assert sketch(shift) == sketch(1e-6 * shift)
    assert angle(shift, -shift) == pytest.approx(-1.0, abs=1e-5)


def test_a_sketch_is_short_and_the_same_for_ever():
    assert len(sketch(np.arange(5000.0))) <= 88
    assert sketch(np.arange(4.0)) == "ACpVfw=="
    assert sketch(np.arange(200.0)).startswith(sketch(np.arange(200.0))[:8])


@pytest.mark.parametrize("shift", [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0], []])
def test_no_movement_and_no_numbers_give_no_direction(shift):
    assert sketch(np.asarray(shift, np.float32)) == ""


@pytest.mark.parametrize("text", [None, 7, "", "not base64!", "AAAA", "/w" * 400, ["x"]])
def test_what_is_no_sketch_has_no_direction(text):
    assert direction(text) is None
