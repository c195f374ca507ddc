"""The harness's function, looked at before it runs."""

from __future__ import annotations

import functools

import pytest

from mlfuzz.codefuzz.loading.loader import takes_one


class Reader:
    def method(self, data):
        return data

    def without(self):
        return None

    @classmethod
    def of_class(cls, data):
        return data


def two(data, length):
    return data


@pytest.mark.parametrize(
    "entry",
    [
        len,
        Reader().method,
        Reader.of_class,
        lambda data: data,
        lambda data, limit=3: data,
        lambda *data: data,
        lambda data, *, limit=3: data,
        functools.partial(two, length=3),
    ],
)
def test_a_function_of_one_argument_is_taken(entry):
    assert takes_one(entry)


@pytest.mark.parametrize("entry", [lambda: None, two, Reader().without, lambda data, *, limit: data])
def test_a_function_that_cannot_be_given_an_input_is_not(entry):
    assert not takes_one(entry)
