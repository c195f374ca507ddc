"""Keys of exceptions: stable under moved lines, told apart by what matters."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import mlfuzz.codefuzz
from mlfuzz.codefuzz.failure.bucketing import FOUNDATION, OTHER, OWN, TARGET, FrameOwners, describe, keys, kind_of
from mlfuzz.codefuzz.forkserver.server import OURS


def module(tmp_path: Path, name: str, text: str):
    (tmp_path / f"{name}.py").write_text(text)
    namespace: dict = {"__name__": name}
    exec(compile(text, str(tmp_path / f"{name}.py"), "exec"), namespace)
    return namespace


def described(tmp_path: Path, text: str, call: str = "parse", packages: tuple[str, ...] = ("target",)):
    names = module(tmp_path, "target", text)
    territory = FrameOwners(packages, "", [str(tmp_path)])
    try:
        names[call]()
    except BaseException as error:  # noqa: BLE001 - what it is given may raise anything
        return describe("", error, territory)
    raise AssertionError("it did not raise")


def test_a_line_added_above_changes_no_key(tmp_path):
    one = described(tmp_path, "def parse():\n    x = 1\n    raise KeyError(x)\n")
    two = described(tmp_path, "import os\n\n\ndef parse():\n    x = 1\n    raise KeyError(x)\n")
    assert one["bucket"] == two["bucket"] == "exception:KeyError:target.py:parse:+2"


def test_two_lines_of_one_function_share_the_group_and_not_the_bucket(tmp_path):
    one = described(tmp_path, "def parse():\n    raise KeyError(1)\n    raise KeyError(2)\n")
    two = described(tmp_path, "def parse():\n    pass\n    raise KeyError(2)\n")
    assert one["group"] == two["group"]
    assert one["bucket"] != two["bucket"]


def test_what_the_standard_library_raises_belongs_to_the_target_that_called_it(tmp_path):
    failure = described(tmp_path, "import json\ndef parse():\n    json.loads('{')\n")
    assert failure["group"] == "exception:json.decoder.JSONDecodeError:target.py:parse"
    assert failure["frames"][-1] == "target.py:3:parse"


def test_a_package_of_the_standard_library_may_be_the_target(tmp_path):
    failure = described(tmp_path, "import json\ndef parse():\n    json.loads('{')\n", packages=("json",))
    assert failure["group"].startswith("exception:json.decoder.JSONDecodeError:json/decoder.py:")


def test_a_dotted_package_is_the_target_and_its_siblings_are_not():
    territory = FrameOwners(("pack.inner",), "", ["/lib"])
    assert territory.of("/lib/pack/inner/a.py")[0] > territory.of("/lib/pack/other.py")[0]
    assert territory.of("/lib/pack/inner.py")[1] == "pack/inner.py"


def test_methods_are_named_with_their_class(tmp_path):
    failure = described(tmp_path, "class A:\n    def go(self):\n        raise OSError\ndef parse():\n    A().go()\n")
    assert failure["group"].endswith(":A.go")


def test_causes_go_nearest_first_and_a_ring_of_them_ends(tmp_path):
    text = """
def parse():
    one, two = KeyError(1), IndexError(2)
    one.__cause__, two.__cause__ = two, one
    raise one
"""
    assert described(tmp_path, text)["causes"] == ["IndexError"]


def test_a_context_that_was_suppressed_is_no_cause(tmp_path):
    text = "def parse():\n    try:\n        1 / 0\n    except ZeroDivisionError:\n        raise KeyError(1) from None\n"
    assert described(tmp_path, text)["causes"] == []


def test_recursion_gives_one_key_at_any_depth_and_by_whatever_turns_in_it(tmp_path):
    text = """
def value(how): (table if how[0] == "t" else array)(how[1:] + how[0])
def array(how): value(how)
def table(how): value(how)
def one(): value("a")
def two(): value("t")
def three(): value("aat")
"""
    keys = {described(tmp_path, text, call)["bucket"] for call in ("one", "two", "three")}
    assert keys == {"recursion:RecursionError:target.py:value"}


def test_recursion_of_the_standard_library_is_at_whoever_called_it(tmp_path):
    text = """
import copy
def parse():
    nest = []
    for _ in range(5000): nest = [nest]
    copy.deepcopy(nest)
"""
    assert described(tmp_path, text)["bucket"].startswith("recursion:RecursionError:target.py:parse:")


def test_the_traceback_of_a_recursion_is_short(tmp_path):
    failure = described(tmp_path, "def parse(): parse()\n")
    assert len(failure["traceback"]) < 8000
    assert len(failure["frames"]) < 70


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RecursionError(), "recursion"), (MemoryError(), "memory-error"), (AssertionError(), "assertion"),
        (SystemExit(0), "exit"), (ExceptionGroup("", [ValueError()]), "group"), (KeyboardInterrupt(), "exception"),
    ],
)  # fmt: skip
def test_special_kinds_come_before_general_ones(error, kind):
    assert kind_of(error) == kind


def test_a_long_message_is_cut(tmp_path):
    assert len(described(tmp_path, "def parse(): raise KeyError('x' * 100000)\n")["message"]) <= 2000


def test_types_of_modules_are_named_with_them(tmp_path):
    failure = described(tmp_path, "import struct\ndef parse(): struct.unpack('<I', b'')\n")
    assert failure["type"] == "struct.error"
    assert sys.modules["struct"] is not None


def test_frames_of_every_file_of_ours_are_no_frames_of_the_code_under_test(tmp_path):
    folder = Path(mlfuzz.codefuzz.__file__).parent
    files = [str(path) for path in folder.rglob("*.py")]
    assert len({Path(file).parent for file in files}) > 1
    assert str(folder) == OWN
    assert all(file.startswith(OURS) for file in files)
    territory = FrameOwners(("target",), "", [str(tmp_path), str(folder.parent.parent)])
    assert {territory.of(file)[0] for file in files} == {FOUNDATION}


MAPPING = """
class Table(dict):
    def __getitem__(self, key):
        return dict.__getitem__(self, key)
    def __getattr__(self, name):
        raise AttributeError(name)
def one(): Table()["x"]
def two():
    Table()["y"]
def three(): Table().z
"""


@pytest.mark.parametrize("call", ["one", "two", "three"])
def test_a_look_up_is_at_whoever_has_asked(tmp_path, call):
    failure = described(tmp_path, MAPPING, call)
    assert failure["group"].endswith(f":target.py:{call}")
    assert "__get" in failure["frames"][-1]


def test_a_look_up_that_the_harness_asks_for_is_at_the_class(tmp_path):
    names = module(tmp_path, "target", MAPPING)
    territory = FrameOwners(("target",), __file__, [str(tmp_path)])
    with pytest.raises(KeyError) as raised:
        names["Table"]()["x"]
    assert describe("", raised.value, territory)["group"].endswith(":Table.__getitem__")


FILES = {
    "src/acme/core.pyx": (TARGET, "acme/core.pyx"),
    "acme/core.pyx": (TARGET, "acme/core.pyx"),
    "/build/env/acme/inner/x.pxd": (TARGET, "acme/inner/x.pxd"),
    "acme.pyx": (TARGET, "acme.pyx"),
    "numpy/random/mtrand.pyx": (OTHER, "numpy/random/mtrand.pyx"),
    "gen-17.py": (FOUNDATION, "<generated>"),
    "<string>": (FOUNDATION, "<string>"),
    "<attrs generated init acme.Item>": (FOUNDATION, "<attrs generated init acme.Item>"),
}


@pytest.mark.parametrize("file", FILES)
def test_frames_of_cython_and_of_code_made_from_text_have_an_owner(file, tmp_path):
    assert FrameOwners(("acme",), "", [str(tmp_path)]).of(file) == FILES[file]


def test_a_line_of_cython_is_the_key_as_it_is():
    stack = [(TARGET, ("acme/core.pyx", 31, "acme.core.read", 31))]
    assert keys("exception", "ValueError", stack)[1] == "exception:ValueError:acme/core.pyx:acme.core.read:L31"


def test_the_end_of_a_chain_is_what_it_goes_back_to_with_its_place(tmp_path):
    text = """
def field(): raise KeyError("x")
def record():
    try: field()
    except KeyError as error: raise ValueError("record") from error
def parse():
    try: record()
    except ValueError as error: raise RuntimeError("file") from error
"""
    failure = described(tmp_path, text)
    assert failure["bucket"].endswith(":parse:+2:KeyError")
    assert failure["causes"] == ["ValueError", "KeyError"]
    assert failure["origin"] == "KeyError at target.py:2:field"


@pytest.mark.parametrize(
    "text",
    [
        "def __getattribute__(self, name): raise TypeError(name)",
        "def __str__(self): raise SystemExit",
        "def __str__(self): return 5",
        "def __bool__(self): raise TypeError",
        "__module__ = 5",
        "__cause__ = property(lambda self: 1 / 0)",
        "__traceback__ = None",
        "args = property(lambda self: 1 / 0)",
        "def __eq__(self, other): raise TypeError\n    __hash__ = None",
        "__notes__ = 5",
    ],
)
def test_an_exception_may_be_broken_in_any_part(tmp_path, text):
    source = (
        f"class Odd(Exception):\n    {text}\ndef parse():\n    try: {{}}['x']\n    except KeyError: raise Odd('y')\n"
    )
    failure = described(tmp_path, source)
    assert failure["group"].endswith(":target.py:parse")
    assert failure["causes"] == ["KeyError"]
