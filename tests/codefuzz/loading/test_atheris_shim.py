from __future__ import annotations

import random
import sys

import pytest

from mlfuzz.codefuzz.loading import atheris_shim
from mlfuzz.codefuzz.loading.atheris_shim import FuzzedDataProvider
from mlfuzz.codefuzz.loading.matching import gen_match

CALLS = [
    ("ConsumeBytes", (3,)), ("ConsumeUnicode", (5,)), ("ConsumeUnicodeNoSurrogates", (5,)), ("ConsumeString", (4,)),
    ("ConsumeInt", (1,)), ("ConsumeInt", (3,)), ("ConsumeInt", (8,)), ("ConsumeInt", (11,)), ("ConsumeUInt", (2,)),
    ("ConsumeUInt", (7,)), ("ConsumeUInt", (12,)), ("ConsumeIntInRange", (-5, 1000)), ("ConsumeIntInRange", (0, 0)),
    ("ConsumeIntInRange", (0, 2**64 - 1)), ("ConsumeIntInRange", (0, 2**70)), ("ConsumeIntList", (3, 2)),
    ("ConsumeIntListInRange", (3, 1, 6)), ("ConsumeProbability", ()), ("ConsumeFloat", ()),
    ("ConsumeRegularFloat", ()), ("ConsumeFloatInRange", (-1.5, 2.5)), ("ConsumeFloatList", (2,)),
    ("ConsumeRegularFloatList", (2,)), ("ConsumeProbabilityList", (2,)), ("ConsumeFloatListInRange", (2, 0.0, 9.0)),
    ("ConsumeBool", ()), ("PickValueInList", (list(range(7)),)), ("PickValueInList", (list(range(300)),)),
    ("buffer", ()), ("remaining_bytes", ()),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_it_gives_what_atheris_gives(seed):
    atheris = pytest.importorskip("atheris")
    rng = random.Random(seed)
    for _ in range(60):
        data = rng.randbytes(rng.choice((0, 1, 2, 9, 40, 120)))
        if rng.random() < 0.3:
            data = bytes(byte % 12 for byte in data)  # special floats and all kinds of text
        ours, theirs = FuzzedDataProvider(data), atheris.FuzzedDataProvider(data)
        for name, arguments in rng.choices(CALLS, k=12):
            got, wanted = (getattr(one, name)(*arguments) for one in (ours, theirs))
            assert repr(got) == repr(wanted), (name, arguments, data)
            assert ours.remaining_bytes() == theirs.remaining_bytes()


def test_a_range_upside_down_is_an_error():
    with pytest.raises(RuntimeError, match="min must be <= max"):
        FuzzedDataProvider(b"abc").ConsumeIntInRange(2, 1)
    with pytest.raises(IndexError):
        FuzzedDataProvider(b"abc").PickValueInList([])


def test_what_was_consumed_is_written_down_once_a_call(monkeypatch):
    monkeypatch.setattr(atheris_shim, "_record", None)
    calls = atheris_shim.record()
    provider = FuzzedDataProvider(b"\x01abc\x07\x00")
    provider.ConsumeUnicode(3)
    provider.ConsumeIntList(1, 1)
    assert calls == [("ConsumeUnicode(3)", "'abc'"), ("ConsumeIntList(1, 1)", "[7]")]


def test_a_plain_script_imports_with_the_stand_in(monkeypatch):
    monkeypatch.setitem(sys.modules, "atheris", None)
    atheris_shim.install()
    import atheris

    with atheris.instrument_imports(include=["json"]):
        import json  # noqa: F401
    assert atheris.instrument_func(len)("ab") == 2
    assert atheris.Setup(["x"], print) == ["x"]
    assert atheris.Fuzz() is None


PATTERNS = [
    "abc", "a|bc", "(x|y)z", "foo|bar|[abc]+", "((a|b)|c)d", "[a-c]{2,3}", "[^a]", "[^a-z]b", r"\d+\s*\w", r"\D\S\W",
    "(?=foo)bar", "bar(?=foo)", "(?<=x)y", "a(?=b)c", "(?!a)b", "(?:ab)+?", "^a$", "(?P<n>q)(?P=n)", r"[^\d]x", "x*y?",
    "(?i)abc", "é+", "", r"[\w-]+@[a-z]+",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_match_is_made_as_atheris_makes_it(pattern):
    atheris = pytest.importorskip("atheris")
    assert gen_match(pattern) == atheris.gen_match(pattern)
    assert gen_match(pattern.encode("latin-1")) == atheris.gen_match(pattern.encode("latin-1"))


def test_hooks_are_known_by_their_names_however_they_are_spelt(monkeypatch):
    monkeypatch.setitem(sys.modules, "atheris", None)
    hooks = atheris_shim.install().enabled_hooks
    hooks.add("RegEx")
    assert "regex" in hooks
    assert "RegEx" in hooks
    assert "str" not in hooks
