"""The text codec: bytes in, bytes out, and deaf to what is no UTF-8."""

from __future__ import annotations

import time

import pytest

from mlfuzz.errors import BadInputError, ConfigError
from mlfuzz.modality.base import MODALITIES, rebuild
from mlfuzz.modality.lookalikes import LOOKALIKES, plain_form
from mlfuzz.modality.text import MAX_BYTES, MAX_CHARS, Text

ODD = {
    "newlines of three systems": b"a\nb\r\nc\rd\r\n",
    "a byte-order mark": b"\xef\xbb\xbfhello",
    "NULs and controls": b"a\x00b\x07\x1b[31m\x7f",
    "C1 controls and line separators": "\x85\u2028\u2029".encode(),
    "decomposed and composed": "e\u0301 é".encode(),
    "astral, joined, with selectors": "👩\u200d💻 🗓️ 🇪🇺 𝐀".encode(),
    "bidirectional controls": "\u202eabc\u202c \u2067שלום\u2069".encode(),
    "noncharacters and private use": "\ufffe\uffff\ue000\U0010ffff".encode(),
    "nothing": b"",
    "white space alone": b" \t\n",
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD.keys())
def test_a_file_comes_back_byte_for_byte(data):
    text = Text()
    payload = text.decode(data)
    assert isinstance(payload, str)
    assert text.encode(payload) == data


def test_every_character_there_is_comes_back():
    for start in range(0, 0x110000, 0x800):
        block = "".join(map(chr, range(start, start + 0x800)))
        if 0xD800 <= start < 0xE000:
            with pytest.raises(BadInputError, match="lone surrogate"):
                Text(max_chars=0x1000).encode(block)
        else:
            assert Text(max_chars=0x1000).decode(Text(max_chars=0x1000).encode(block)) == block


@pytest.mark.parametrize(
    "data",
    [
        b"caf\xe9", b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb8\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"abc\xe2\x82",
        b"\x89PNG\r\n\x1a\n", "hello".encode("utf-16"),
    ],
    ids=["Latin-1", "lone surrogate", "CESU-8", "overlong", "beyond Unicode", "torn", "PNG", "UTF-16"],
)  # fmt: skip
def test_what_is_no_utf8_is_refused_with_a_reason_that_can_be_counted(data):
    with pytest.raises(BadInputError) as raised:
        Text().decode(data)
    assert raised.value.reason == "not UTF-8"


def test_utf16_is_told_by_its_mark():
    with pytest.raises(BadInputError, match="save it as UTF-8"):
        Text().decode("hello".encode("utf-16"))


def test_a_line_of_50_megabytes_is_refused_before_it_is_decoded():
    data = b"x" * 50_000_000
    start = time.process_time()
    with pytest.raises(BadInputError) as raised:
        Text().decode(data)
    assert raised.value.reason == "larger than 4 MiB"
    assert time.process_time() - start < 0.01


def test_the_longest_text_in_the_widest_characters_fits_into_a_file():
    text = Text(max_chars=MAX_CHARS)
    payload = "\U0001f600" * MAX_CHARS
    data = text.encode(payload)
    assert len(data) == MAX_BYTES
    assert text.decode(data) == payload


def test_a_longer_file_is_cut_or_refused():
    assert Text(max_chars=3).decode("añbc".encode()) == "añb"
    with pytest.raises(BadInputError) as raised:
        Text(max_chars=3, fit="refuse").decode("añbc".encode())
    assert raised.value.reason == "too long"
    assert Text(max_chars=4, fit="refuse").decode("añbc".encode()) == "añbc"


@pytest.mark.parametrize("payload", [b"bytes", None, 7, "abcd"])
def test_what_is_no_payload_is_refused(payload):
    with pytest.raises(BadInputError, match="not a payload"):
        Text(max_chars=3).encode(payload)


@pytest.mark.parametrize(
    "arguments",
    [{"max_chars": 0}, {"max_chars": True}, {"max_chars": 1.5}, {"max_chars": MAX_CHARS + 1}, {"fit": "pad"}],
)
def test_a_declaration_that_makes_no_sense_is_refused(arguments):
    with pytest.raises(ConfigError, match="text"):
        Text(**arguments)


def test_a_description_gives_an_equal_modality():
    text = Text(max_chars=77, fit="refuse")
    assert MODALITIES.get("text") is Text
    assert rebuild({"name": text.name, **text.describe()}) == text
    assert (text.suffix, text.low, text.high, text.levels) == (".txt", 0.0, 77.0, None)


def test_lookalikes_are_single_letters_beyond_ascii_and_told_back():
    for plain, others in LOOKALIKES.items():
        assert plain.isascii()
        assert plain.isalnum()
        assert len(set(others)) == len(others)
        for other in others:
            assert other > "\x7f"
            assert plain_form(other)


@pytest.mark.parametrize(
    ("char", "plain"),
    [("а", "a"), ("Ａ", "A"), ("𝐀", "A"), ("ﬁ", "fi"), ("é", ""), ("中", ""), ("a", ""), ("\u00a0", "")],
)
def test_the_ascii_form_of_a_character_is_that_of_its_look(char, plain):
    assert plain_form(char) == plain
