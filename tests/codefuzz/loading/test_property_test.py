"""Tests of Hypothesis as harnesses: which can be fuzzed, which are refused with what to write, what is said of them."""

from __future__ import annotations

import sys

import pytest
from faults.drawn import sampled
from hypothesis.database import choices_from_bytes

from mlfuzz.codefuzz.harness import property_tests
from mlfuzz.codefuzz.loading.parametrized import split
from mlfuzz.codefuzz.loading.property_database import PACKAGE, choices, opened

FILE = """
import unittest

import hypothesis
import pytest
from faults.drawn import sampled
from hypothesis import HealthCheck, assume, example, given as drawn, note, reproduce_failure, settings, target
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

BYTES = st.binary()
shared = drawn(data=BYTES)


def check(data, magic=b"ML"):
    if data[:2] == magic:
        raise KeyError("planted")


@drawn(BYTES)
def test_plain(data):
    check(data)


@hypothesis.given(data=BYTES)
def test_by_module(data):
    check(data)


@shared
def test_shared(data):
    check(data)


@settings(max_examples=3, deadline=1, database=None, suppress_health_check=list(HealthCheck))
@drawn(BYTES)
@example(b"x")
def test_settings(data):
    target(float(len(data)))
    note("seen")
    check(data)


@reproduce_failure("1.2.3", b"AAA=")
@drawn(BYTES)
def test_reproduced(data):
    check(data)


@drawn(BYTES)
def test_assumed(data):
    assume(data)
    check(data)


@st.composite
def pair(draw):
    return draw(BYTES), draw(st.booleans())


@drawn(pair())
def test_composite(both):
    check(both[0])


@drawn(st.data())
def test_data(data):
    check(data.draw(BYTES, label="bytes"))


@drawn(...)
def test_inferred(data: bytes):
    check(data)


class TestClass:
    def setup_method(self):
        self.magic = b"ML"

    @drawn(BYTES)
    def test_method(self, data):
        check(data, self.magic)

    @pytest.mark.parametrize("lead", [b"M", b"N"])
    @drawn(data=BYTES)
    def test_cases(self, lead, data):
        check(lead + data[1:])

    @staticmethod
    @drawn(BYTES)
    def test_static(data):
        check(data)


class Unit(unittest.TestCase):
    def setUp(self):
        self.magic = b"ML"

    @drawn(BYTES)
    def test_unit(self, data):
        check(data, self.magic)


@pytest.mark.parametrize("a", [1, pytest.param(2, id="two")])
@pytest.mark.parametrize(("b", "c"), [(None, True), (0.5, check)], ids=["x", None])
@drawn(data=BYTES)
def test_stacked(a, b, c, data):
    check(data)


class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.seen = b""

    @rule(byte=st.sampled_from([b"L", b"M"]))
    def push(self, byte):
        self.seen = byte + self.seen
        check(self.seen)


TestMachine = Machine.TestCase


@drawn(BYTES)
def test_skips(data):
    pytest.skip("not here")


@drawn(BYTES)
def test_fixture(tmp_path, data):
    check(data)


@drawn(data=BYTES)
def test_two_fixtures(data, tmp_path, monkeypatch):
    check(data)


@pytest.mark.usefixtures("database")
@drawn(BYTES)
def test_used(data):
    check(data)


@drawn(BYTES)
async def test_later(data):
    check(data)


def test_ordinary():
    pass


@pytest.fixture(autouse=True)
def clean():
    yield
"""

MAGIC = b"\xffM\xffL"
"""st.binary() takes two bytes of these for each of its own."""

STEPS = bytes(number * 37 % 251 for number in range(400))
"""Some steps of a machine, of each kind."""

FUZZED = {
    "test_plain": MAGIC, "test_by_module": MAGIC, "test_shared": MAGIC, "test_settings": MAGIC,
    "test_reproduced": MAGIC, "test_assumed": MAGIC, "test_composite": MAGIC, "test_data": MAGIC,
    "test_inferred": MAGIC, "TestClass::test_method": MAGIC, "TestClass::test_cases[M]": MAGIC,
    "TestClass::test_static": MAGIC, "Unit::test_unit": MAGIC, "test_stacked[x-1]": MAGIC, "test_stacked[x-two]": MAGIC,
    "test_stacked[0.5-check-1]": MAGIC, "TestMachine": STEPS, "TestMachine::runTest": STEPS,
    "Machine": STEPS,
}  # fmt: skip

REFUSED = {
    "test_fixture": ["the fixture tmp_path", "def test_fixture_fuzzed(data): ..."],
    "test_two_fixtures": ["the fixtures tmp_path, monkeypatch", "def test_two_fixtures_fuzzed(data): ..."],
    "test_used": ["the fixture database"],
    "test_later": ["asynchronous", "asyncio.run"],
    "test_ordinary": ["@given", "mlfuzz harness new test_ordinary"],
    "TestClass": ["name one of its tests"],
    "TestClass::test_cases": ["[M], [N]"],
    "TestClass::test_cases[Q]": ["[M], [N]"],
    "test_plain[1]": ["leave out [1]"],
    "TestClass::gone": ["TestClass has no gone"],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    project = tmp_path_factory.mktemp("property")
    (project / "test_many.py").write_text(FILE)
    kept = [*sys.path]
    yield project
    sys.path[:] = kept
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


@pytest.fixture
def test_of(place):
    def given(entry):
        for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
            del sys.modules[name]
        return opened(str(place / "test_many.py"), f"::{entry}", str(place))

    return given


@pytest.mark.parametrize("entry", sampled(FUZZED, 6))
def test_an_example_fails_as_its_bytes_have_it_and_hypothesis_says_which_it_is(test_of, entry):
    test = test_of(entry)
    test(b"")
    with pytest.raises(KeyError) as raised:
        test(FUZZED[entry])
    words = "\n".join(raised.value.__notes__)
    name = "state = Machine()" if "Machine" in entry else f"{split(entry)[0][-1]}(\n"
    assert name in words
    assert "@reproduce_failure(" in words
    blob = words.partition("b'")[0] and words[words.rindex("b'") + 2 :].partition("'")[0].encode()
    assert choices_from_bytes(choices(blob)) is not None
    assert len(test.examples.key()) == 48, "a digest of SHA-384"


@pytest.mark.parametrize("entry", REFUSED)
def test_what_cannot_be_fuzzed_is_refused_with_what_to_write(test_of, entry):
    with pytest.raises(TypeError) as raised:
        test_of(entry)
    for words in REFUSED[entry]:
        assert words in str(raised.value)


def test_a_skip_is_no_failure_and_what_pytest_would_do_around_it_is_named(test_of):
    test = test_of("test_skips")
    test(MAGIC)
    assert any("fixture clean (autouse)" in words for words in test.warnings)


def test_cases_have_keys_of_their_own(test_of):
    assert test_of("test_stacked[x-1]").examples.key() != test_of("test_stacked[x-two]").examples.key()


def test_the_same_place_is_described_once(test_of):
    test = test_of("test_plain")
    notes = []
    for _ in range(2):
        with pytest.raises(KeyError) as raised:
            test(MAGIC)
        notes.append(getattr(raised.value, "__notes__", []))
    assert notes[0]
    assert not notes[1]


@pytest.mark.parametrize("blob", [b"", b"?", b"AQAA", b"Ag=="], ids=["nothing", "no base64", "no zlib", "other"])
def test_what_is_no_example_of_hypothesis_is_refused(blob):
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        choices(blob)


def test_a_file_is_read_for_its_tests_without_being_imported(place):
    tests, words = property_tests.tests_of(place / "test_many.py")
    assert set(tests) >= {"test_plain", "test_by_module", "test_shared", "TestClass::test_method", "Unit::test_unit"}
    assert "TestMachine" in tests
    said = " ".join(words)
    for name in ("test_fixture wants tmp_path", "test_two_fixtures wants tmp_path, monkeypatch", "test_later is async"):
        assert name in said
    assert not {"test_fixture", "test_later", "test_ordinary"} & set(tests)
    assert property_tests.is_test_file(place / "test_many.py")


@pytest.mark.parametrize(
    ("imports", "files", "expected"),
    [
        ("import pkg.codec, json", ["pkg/codec.py"], ("pkg",)),
        ("from pkg.codec import x", ["src/pkg/codec.py"], ("pkg",)),
        ("import codec, pkg", ["codec.py", "pkg/__init__.py"], ("codec", "pkg")),
        ("import pkg\nfrom strategies import some", ["pkg/__init__.py", "tests/strategies.py"], ("pkg",)),
        ("import pkg\nfrom tests.strategies import some", ["pkg/__init__.py", "tests/strategies.py"], ("pkg",)),
        ("from . import helper\nimport numpy, zlib, pytest", ["tests/helper.py"], ("numpy",)),
        ("import zlib", [], ()),
    ],
)
def test_what_lies_in_the_project_is_what_is_tested(tmp_path, imports, files, expected):
    for file in ("tests/test_it.py", *files):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("")
    (tmp_path / "tests/test_it.py").write_text(f"{imports}\ndef test_it(): pass\n")
    assert property_tests.declaration("tests/test_it.py::test_it", tmp_path).instrument == expected
