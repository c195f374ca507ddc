from __future__ import annotations

import pytest

from mlfuzz.codefuzz.harness.engine import Lane
from mlfuzz.codefuzz.native.build import BUILDERS
from mlfuzz.codefuzz.native.variants import PACKAGES, built, folder, keep, lane, note
from mlfuzz.errors import SchemaError, TargetLoadError, UnknownNameError


def test_builds_of_one_sanitizer_make_one_lane_with_what_is_fuzzed_first(tmp_path):
    natives = tmp_path / "native"
    for package in ("pillow", "soundfile"):
        place = folder(natives, package, "address")
        one = Lane(name="address", path=(f"/{package}",), preload=("/asan.so",), variables={"A": "1"})
        keep(one, place)
        note(one, place, tmp_path)
    assert built(natives) == ["pillow-address", "soundfile-address"]
    found = lane("address", natives, ["soundfile"], root=tmp_path)
    assert found == Lane(name="address", path=("/soundfile", "/pillow"), preload=("/asan.so",), variables={"A": "1"})


def test_the_plain_lane_needs_nothing(tmp_path):
    assert lane("plain", tmp_path, root=tmp_path) == Lane()


def test_a_lane_that_was_not_built_says_how_to_build_it(tmp_path):
    with pytest.raises(TargetLoadError, match="build-native pillow --sanitizer undefined"):
        lane("undefined", tmp_path, ["PIL.Image"], root=tmp_path)
    with pytest.raises(UnknownNameError, match="did you mean 'address'"):
        lane("adress", tmp_path, root=tmp_path)


def test_a_damaged_record_says_so(tmp_path):
    place = folder(tmp_path, "pillow", "address")
    keep(Lane(), place)
    (place / "lane.json").write_text("{")
    with pytest.raises(SchemaError, match="build it again"):
        lane("address", tmp_path, root=tmp_path)


def test_what_is_built_by_its_name_is_what_a_refusal_names_so():
    assert set(PACKAGES) == set(BUILDERS)


def test_what_was_not_built_here_is_refused_with_the_line_that_builds_each_of_it(tmp_path):
    natives = tmp_path / ".mlfuzz" / "native"
    (tmp_path / "MyCodec").mkdir()
    (tmp_path / "MyCodec" / "setup.py").touch()
    ours = folder(natives, "soundfile", "address")
    keep(Lane(name="address"), ours)
    note(Lane(name="address"), ours, tmp_path)
    for package in ("pillow", "mycodec", "a b"):
        keep(Lane(name="address", variables={"LD_AUDIT": "/strange.so"}), folder(natives, package, "address"))
    with pytest.raises(TargetLoadError) as refused:
        lane("address", natives, root=tmp_path)
    _, _, again = str(refused.value).partition("build it again: ")
    assert again == (
        "mlfuzz harness build-native 'FOLDER/a b' --sanitizer address && "
        f"mlfuzz harness build-native {tmp_path / 'MyCodec'} --sanitizer address && "
        "mlfuzz harness build-native pillow --sanitizer address"
    )
    for package in ("pillow", "mycodec", "a b"):
        note(Lane(name="address", variables={"LD_AUDIT": "/strange.so"}), folder(natives, package, "address"), tmp_path)
    assert lane("address", natives, root=tmp_path).variables == {"LD_AUDIT": "/strange.so"}


def test_a_build_elsewhere_is_built_again_elsewhere(tmp_path):
    keep(Lane(), folder(tmp_path / "there" / "native", "pillow", "address"))
    with pytest.raises(TargetLoadError, match=f"build-native pillow --sanitizer address --dir {tmp_path}/there$"):
        lane("address", tmp_path / "there" / "native", root=tmp_path)


def test_a_record_that_was_changed_after_the_build_is_refused(tmp_path):
    natives = tmp_path / ".mlfuzz" / "native"
    place = folder(natives, "pillow", "address")
    keep(Lane(name="address"), place)
    note(Lane(name="address"), place, tmp_path)
    assert lane("address", natives, root=tmp_path) == Lane(name="address")
    keep(Lane(name="address", preload=("/strange.so",)), place)
    with pytest.raises(TargetLoadError, match="of no build that you made here"):
        lane("address", natives, root=tmp_path)
