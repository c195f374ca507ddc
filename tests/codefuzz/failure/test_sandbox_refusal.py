"""What the sandbox has refused, in words."""

from __future__ import annotations

import os
import tomllib

import pytest

from mlfuzz.codefuzz.failure.sandbox_refusal import Refusal, gather, line, sentence


@pytest.mark.parametrize("name", ["acme_fuzz", "acme-fuzz", "acme.fuzz", 'a "b"', "zwölf"])
def test_the_line_that_allows_it_is_toml_for_any_name(name):
    setting, _, table = line(name).removesuffix(" in mlfuzz.toml").partition(" under ")
    assert tomllib.loads(f"{table}\n{setting}") == {"harnesses": {name: {"sandbox": "off"}}}


def test_a_name_of_any_bytes_can_be_written_down():
    gathered = {}
    gather(gathered, [Refusal("write", os.fsdecode(b"/a\xff{}"))])
    assert sentence(gathered, "acme").encode("utf-8")
    assert Refusal("write", os.fsdecode(b"/a\xff{}")).text == "writing /a\\udcff{}"


def test_each_deed_is_new_once_and_few_things_of_it_are_named():
    gathered = {}
    assert gather(gathered, [Refusal("write", "/a"), Refusal("program", "/bin/true")]) == ("write", "program")
    assert gather(gathered, [Refusal("write", f"/{number}") for number in range(9)]) == ()
    text = sentence(gathered, "acme")
    assert "writing /a, /0, /1 and others; starting /bin/true." in text
    assert 'sandbox = "off" under [harnesses.acme] in mlfuzz.toml' in text
