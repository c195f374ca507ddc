"""Other targets, named where oracles are: on the command line and in the configuration."""

from __future__ import annotations

import pytest

from mlfuzz.cli.resolve.targets import load_name, with_targets
from mlfuzz.config import TargetConfig
from mlfuzz.config.schema import parts
from mlfuzz.errors import ConfigError, UsageError

KNOWN = {"old": TargetConfig(use="zoo.digits:old"), "empty": TargetConfig()}


def test_the_first_word_behind_the_colon_says_with_what() -> None:
    assert parts(["label", "differ:bf16", "differ:zoo.digits:old,by=value", "latency:ratio=3"]) == [
        {"name": "label"},
        {"name": "differ", "of": "bf16"},
        {"name": "differ", "of": "zoo.digits:old", "by": "value"},
        {"name": "latency", "ratio": 3},
    ]
    with pytest.raises(ConfigError, match="is no argument"):
        parts(["differ:bf16,value"])


def test_a_configured_name_becomes_what_can_be_loaded_and_stays_in_the_oracle_s_name() -> None:
    assert with_targets({"name": "differ", "of": "old"}, KNOWN) == {
        "name": "differ:old",
        "part": "differ",
        "of": "zoo.digits:old",
    }
    assert with_targets({"name": "majority", "of": "old+digits:robust"}, KNOWN)["of"] == [
        "zoo.digits:old",
        "mlfuzz.examples.digits:robust",
    ]
    mine = {"name": "mine", "part": "differ", "of": "old"}
    assert with_targets(mine, KNOWN)["name"] == "mine"


@pytest.mark.parametrize("of", ["bf16", "threads:4", "zoo.digits:new"])
def test_what_names_no_configured_target_is_left_as_it_is(of: str) -> None:
    assert with_targets({"name": "differ", "of": of}, KNOWN) == {"name": "differ", "of": of}


def test_oracles_that_compare_nothing_are_left_as_they_are() -> None:
    assert with_targets({"name": "relation", "of": 0}, KNOWN) == {"name": "relation", "of": 0}
    assert with_targets({"name": "label"}, KNOWN) == {"name": "label"}


def test_a_target_that_does_not_say_what_it_is_is_refused() -> None:
    assert load_name("digits:fragile", {}) == "mlfuzz.examples.digits:fragile"
    with pytest.raises(UsageError, match="does not say what it is"):
        load_name("empty", KNOWN)
