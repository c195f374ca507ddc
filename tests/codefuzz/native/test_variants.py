from __future__ import annotations

import pytest

from mlfuzz.codefuzz.harness.engine import Lane
from mlfuzz.codefuzz.native.variants import built, folder, keep, lane
from mlfuzz.errors import SchemaError, TargetLoadError, UnknownNameError


def test_builds_of_one_sanitizer_make_one_lane_with_what_is_fuzzed_first(tmp_path):
    for package in ("pillow", "soundfile"):
        place = folder(tmp_path, package, "address")
        keep(Lane(name="address", path=(f"/{package}",), preload=("/asan.so",), variables={"A": "1"}), place)
    assert built(tmp_path) == ["pillow-address", "soundfile-address"]
    found = lane("address", tmp_path, ["soundfile"])
    assert found == Lane(name="address", path=("/soundfile", "/pillow"), preload=("/asan.so",), variables={"A": "1"})


def test_the_plain_lane_needs_nothing(tmp_path):
    assert lane("plain", tmp_path) == Lane()


def test_a_lane_that_was_not_built_says_how_to_build_it(tmp_path):
    with pytest.raises(TargetLoadError, match="build-native pillow --sanitizer undefined"):
        lane("undefined", tmp_path, ["PIL.Image"])
    with pytest.raises(UnknownNameError, match="did you mean 'address'"):
        lane("adress", tmp_path)


def test_a_damaged_record_says_so(tmp_path):
    place = folder(tmp_path, "pillow", "address")
    keep(Lane(), place)
    (place / "lane.json").write_text("{")
    with pytest.raises(SchemaError, match="build it again"):
        lane("address", tmp_path)
