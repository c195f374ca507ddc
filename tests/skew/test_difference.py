"""How far two inputs are apart is said by size and by place, whatever holds them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import sparse

from mlfuzz.skew.difference import difference, parts


@dataclass
class Held:
    logits: object
    rest: object = None


ZEROS = np.zeros((2, 3), np.float32)
ONE = ZEROS.copy()
ONE[1, 2] = 0.25

ALIKE = {
    "array": (ZEROS, ZEROS.copy()),
    "tensor and array": (torch.zeros(2, 3), ZEROS),
    "half": (torch.zeros(2, 3, dtype=torch.bfloat16), ZEROS),
    "one in a tuple": ((ZEROS,), ZEROS),
    "list": ([[0.0, 0.0, 0.0]] * 2, ZEROS),
    "sparse": (sparse.csr_matrix(ZEROS), ZEROS),
    "picture": (Image.new("L", (3, 2)), np.zeros((2, 3), np.uint8)),
    "nan": (np.array([np.nan, np.inf]), np.array([np.nan, np.inf])),
    "dict with nothing": ({"a": ZEROS, "b": None}, {"a": ZEROS}),
    "dataclass": (Held(ZEROS, ONE), {"logits": ZEROS, "rest": ONE}),
    "ragged": ([[1, 2], [3]], [[1, 2], [3]]),
    "texts": (["a", "b"], ["a", "b"]),
    "bytes": (b"\x01", np.array([1], np.uint8)),
    "number": (1.5, np.float64(1.5)),
    "empty": ([], ()),
    "within": (ZEROS, ZEROS + 0.009),
}

APART = {
    "numbers": (ZEROS, ONE, ["input[1, 2] is 0.25 where 0 is due: 25 % of the range", "1 of 6 values"], 0.25),
    "dict": ({"x": ZEROS, "y": ONE}, {"x": ONE, "y": ONE}, ["x[1, 2]"], 0.25),
    "nested": ({"x": (ZEROS, ZEROS)}, {"x": (ZEROS, ONE)}, ["x.1[1, 2]"], 0.25),
    "tokens": (np.array([1, 2, 3]), np.array([1, 9, 3]), ["input[1] is 9 where 2 is due; 1 of 3"], 1 / 3),
    "levels": (np.array([10], np.uint8), np.array([11], np.uint8), ["11 where 10"], 1.0),
    "masks": (np.array([True, False]), np.array([True, True]), ["input[1] is True where False is due"], 0.5),
    "shape": (ZEROS, ZEROS.T, ["shape 3x2 where 2x3 is due"], 1.0),
    "parts": ({"x": ZEROS}, {"z": ZEROS}, ["parts z where x are due"], 1.0),
    "nan": (ZEROS[0], np.array([0, np.nan, 0], np.float32), ["input[1] is nan where 0 is due"], 1e6),
    "text": ("abc", "aBc", ["input[1] is 'Bc' where 'bc' is due", "33.3 % of the values"], 1 / 3),
    "length": ([1, 2], [1, 2, 3], ["shape 3 where 2"], 1.0),
    "strings": (np.array(["a"]), np.array(["b"]), ["input[0] is b where a"], 1.0),
}


@pytest.mark.parametrize("name", ALIKE)
def test_what_is_the_same_has_no_difference(name):
    due, got = ALIKE[name]
    assert difference(due, got, tolerance=0.01, span=1.0) is None


@pytest.mark.parametrize("name", APART)
def test_a_difference_says_by_how_much_and_where(name):
    due, got, words, share = APART[name]
    found = difference(due, got, tolerance=0.01, span=1.0)
    assert found is not None
    assert all(one in found.words for one in words), found.words
    assert found.share == pytest.approx(share)
    assert found.fits == (name not in ("shape", "parts", "length"))


def test_the_tolerance_is_a_share_of_the_range():
    assert difference(ZEROS, ONE, tolerance=0.1, span=2.5) is None
    assert difference(ZEROS, ONE, tolerance=0.1, span=2.4) is not None


def test_an_input_of_one_part_is_called_so():
    assert [*parts(ZEROS)] == ["input"]
    assert [*parts((ZEROS, ONE))] == ["0", "1"]
