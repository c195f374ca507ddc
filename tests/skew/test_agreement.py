"""Two ways to read a file agree, or it is said where they do not."""

from __future__ import annotations

import numpy as np
import pytest

from mlfuzz import skew
from mlfuzz.errors import BadInputError
from mlfuzz.skew import agree, of_file, of_text


def length(data):
    return np.array([len(data)], np.float32)


def refusing(data):
    raise ValueError("no")


def broken(data):
    raise KeyError("a bug")


def test_what_agrees_raises_nothing():
    agree(b"abc", length, length)
    agree(b"abc", length, lambda data: length(data) + 0.5, tolerance=0.5)


def test_a_difference_is_told_with_the_answer():
    with pytest.raises(skew.Skew, match=r"input\[0\] is 4 where 3 .* the answer changes from 3.0 to 4.0"):
        agree(b"abc", length, lambda data: length(data) + 1, answer=lambda one: float(one[0]))


@pytest.mark.parametrize(("first", "second", "words"), [
    (refusing, refusing, "refused by both"), (refusing, length, "by the first"), (length, refusing, "by the second"),
])  # fmt: skip
def test_what_one_refuses_is_no_input_unless_that_is_asked_for(first, second, words):
    with pytest.raises(BadInputError, match=words):
        agree(b"", first, second)
    if first is not second:
        with pytest.raises(skew.Skew, match="alone refuses"):
            agree(b"", first, second, refusals=True)


def test_what_stumbles_is_its_own_failure():
    with pytest.raises(KeyError):
        agree(b"", length, broken)


def test_functions_of_files_and_of_texts_are_functions_of_bytes():
    assert of_file(lambda file: file.read())(b"ab") == b"ab"
    assert of_text(len)("\u00e9".encode()) == 1
    with pytest.raises(BadInputError):
        of_text(len)(b"\xff")


def test_other_shapes_have_a_type_of_their_own():
    with pytest.raises(skew.OtherShape):
        agree(b"ab", length, lambda data: np.zeros((2, 2)))
