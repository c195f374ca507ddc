from types import SimpleNamespace

import pytest

from mlfuzz.errors import ConfigError, PluginError, UnknownNameError
from mlfuzz.registry import Registry, made


@pytest.fixture
def registry():
    parts = Registry("coverage criterion")
    parts.add("plain", lambda *, k=1: ("plain", k))
    parts.add("layered", lambda *, layers, k=1: ("layered", layers, k))
    parts.add("any", lambda **given: given)
    return parts


def test_what_is_offered_goes_to_those_that_take_it(registry):
    assert made(registry, {"name": "plain", "k": 3}, layers="two") == ("plain", 3)
    assert made(registry, {"name": "layered"}, layers="two") == ("layered", "two", 1)
    assert made(registry, {"name": "any"}, layers="two") == {"layers": "two"}


def test_what_is_said_goes_before_what_is_offered(registry):
    assert made(registry, {"name": "layered", "layers": "one"}, layers="two") == ("layered", "one", 1)


def test_an_argument_that_is_not_taken_is_an_error_that_names_the_part(registry):
    with pytest.raises(ConfigError, match=r"coverage criterion plain: .*'kk'; mlfuzz list coverage tells"):
        made(registry, {"name": "plain", "kk": 3})
    with pytest.raises(UnknownNameError, match="did you mean 'plain'"):
        made(registry, {"name": "plane"})


def test_a_description_is_left_as_it_was(registry):
    description = {"name": "plain", "k": 3}
    made(registry, description)
    assert description == {"name": "plain", "k": 3}


class Point:
    """An entry point of a distribution."""

    name, value, dist = "image.mine", "acme:mine", None

    def __init__(self, load):
        self.load = load


def test_an_entry_point_to_what_its_own_decorator_registers_is_one_part(monkeypatch):
    parts = Registry("mutator")

    def load():
        parts.add("image.mine", SimpleNamespace(function=operator))
        return operator

    def operator(): ...

    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point(load)])
    assert parts.names() == ["image.mine"]
    assert parts.get("image.mine").function is operator


def test_an_entry_point_that_takes_a_name_twice_is_an_error(monkeypatch):
    parts = Registry("mutator")
    parts.add("image.mine", object())
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point(object)])
    with pytest.raises(PluginError, match=r"two mutators are called 'image\.mine'"):
        parts.names()
