"""Text by its words: JSON, TOML, YAML, XML and plain text, with a dictionary of what each gives a meaning to."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

from mlfuzz.codefuzz.formats import statements, xml
from mlfuzz.codefuzz.formats.form import Form, Parts, Raw, Walk

TOKEN = re.compile(rb"\"(?:[^\"\\\n]|\\.)*+\"?|'[^'\n]*'|[\w.+-]+|[ \t]+|\r?\n|[^\w\s]|.", re.DOTALL)
"""A quoted string, a word or number, space, an end of line, or one other byte."""

NUMBER = re.compile(rb"[+-]?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?")
SAFE_NUMBERS = (b"0", b"-1", b"1", b"127", b"255", b"65536", b"2147483648", b"0.1", b"1.5e300", b"18446744073709551616")
"""Such as every one of these formats has."""

WILD = 0.15
"""So often a value becomes what may be none."""

MOST_SPACE = 40
AFTER_TAGS = (b" a='b'", b" xmlns='u'", b" xml:lang='e'", b" xml:space='preserve'", b" b:c='d'")

_LETTER, _LETTERS = re.compile(rb"[A-Za-z]"), re.compile(rb"[A-Za-z]*")

NUMBERS = (
    b"0", b"-0", b"1", b"-1", b"127", b"255", b"65536", b"2147483648", b"-9223372036854775809", b"18446744073709551616",
    b"0.1", b"1e308", b"1e999", b"-1e-999", b"1" * 40,
)  # fmt: skip

SHARED = (b"[", b"]", b"{", b"}", b",", b":", b'"', b"\n", b"true", b"false")
JSON_WORDS = (
    *SHARED,
    b"null",
    b"NaN",
    b"Infinity",
    b'"\\u0000"',
    b'"\\ud800"',
    b'"\\ud83d\\ude00"',
    b'""',
    b"{}",
    b"[]",
)
TOML_WORDS = (
    *SHARED, b"=", b"[[", b"]]", b"#", b'"""', b"'''", b"inf", b"-nan", b"0x1f", b"0o7", b"0b1", b"1_000",
    b"1979-05-27", b"1979-05-27T07:32:00Z", b"07:32:00.5", b"[a.b]", b"a.b = 1\n", b'"\\u00e9"', b'"\\U0001f600"', b".",
)  # fmt: skip
YAML_WORDS = (
    *SHARED, b"- ", b"? ", b": ", b"---\n", b"...\n", b"%YAML 1.1\n", b"&a ", b"*a", b"<<: ", b"!!float ", b"!!binary ",
    b"!!timestamp ", b"!!set ", b"!!omap ", b"!!int ", b"|\n", b">-\n", b"0x1f", b"1:30", b".inf", b"~", b"  ",
    b"2001-12-14t21:59:43.10-05:00", b"yes",
)  # fmt: skip
TEXT_WORDS = (
    b"\n",
    b" ",
    b"\0",
    b"\xc3\xa9",
    b"\xe2\x80\x8b",
    b"\xf0\x9f\x98\x80",
    b"\xef\xbb\xbf",
    b"\xcc\x81",
    b"%s",
    b"<s>",
)


RAW_SHARE = 0.8
"""Where every byte is a word's, bytes are nearly as good, and several times as fast."""

DEEP_SHARE = 0.5
"""Of what is left: by the tree, which keeps brackets in pairs; the words alone break them."""


def take_apart(data: bytes) -> Parts | None:
    """Pieces are the words, as they are."""
    return Parts(tuple(TOKEN.findall(data)), _join) if data else None


def _join(pieces: Sequence[bytes]) -> bytes:
    return b"".join(pieces)


def changed(piece: bytes, rng: Random, raw: Raw, room: int, words: tuple[bytes, ...]) -> bytes:
    """A number gives another number, a string another string; anything a word of the dictionary, or other bytes."""
    chance = rng.random()
    if NUMBER.fullmatch(piece) and chance < 0.5:
        return rng.choice(NUMBERS)
    if chance < 0.3:
        return rng.choice(words)
    if len(piece) > 2 and piece[:1] in (b'"', b"'") and piece[-1:] == piece[:1]:
        return piece[:1] + raw(piece[1:-1], max(1, room - 2)) + piece[:1]
    return raw(piece, max(1, room))


def by(words: tuple[bytes, ...]) -> Callable[[bytes, Random, Raw, int], bytes]:
    return lambda piece, rng, raw, room: changed(piece, rng, raw, room, words)


XML_WORDS = (
    b"<", b">", b"/>", b"</", b"=", b'"', b"&", b"&amp;", b"&#0;", b"&#x10ffff;", b"&a;", b"<a>", b"</a>", b"<a/>",
    b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?xml version='1.0'?>", b"<!DOCTYPE a>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"a:", b"%a;", b" xmlns='u'", b" xmlns:a='u'", b" xml:space='preserve'", b" encoding='utf-16'",
    b" standalone='yes'",
)  # fmt: skip


def form(name: str, words: tuple[bytes, ...], walk: Walk) -> Form:
    return Form(
        name, walk, by(words), take_apart, spare=words, raw_share=RAW_SHARE, deep_share=DEEP_SHARE,
        value=lambda piece, rng, raw, room: valued(piece, rng, raw, room, words),
    )  # fmt: skip


def valued(piece: bytes, rng: Random, raw: Raw, room: int, words: tuple[bytes, ...]) -> bytes:
    """A number gives another number, a string or name another one, both as a text has them; seldom any other bytes.

    Space around it stays.
    """
    text = piece.strip()
    if rng.random() < WILD:
        return changed(piece, rng, raw, room, words)
    if not text:
        return piece * 2 if len(piece) < MOST_SPACE else piece[:1]
    if text.startswith(b"<"):  # a tag's name stands in its closing tag, too
        return piece + rng.choice(AFTER_TAGS)
    start = piece.index(text)
    before, after = piece[:start], piece[start + len(text) :]
    if NUMBER.fullmatch(text):
        return before + rng.choice((*SAFE_NUMBERS, text + b"0", text[:1])) + after
    quote = text[:1] if text[:1] in (b'"', b"'") and text[-1:] == text[:1] and len(text) > 1 else b""
    inner = text[1:-1] if quote else text
    letters = [found.start() for found in _LETTER.finditer(inner)]
    if not letters:
        return before + rng.choice((b"0", quote + b"a" + quote, text)) + after
    at = rng.choice(letters)
    until = at + rng.choice((0, 0, 1, 1, 4))
    more = rng.choice((b"", b"a", b"Z", b"0", b"_", b"x" * rng.choice((2, 16, 80)), inner[at:until] * 2))
    if _LETTERS.fullmatch(inner[at:until]) is None:
        until = at + 1
    return before + quote + inner[:at] + more + inner[until:] + quote + after


JSON = form("json", JSON_WORDS, statements.json)
TOML = form("toml", TOML_WORDS, statements.toml)
YAML = form("yaml", YAML_WORDS, statements.yaml)
XML = form("xml", XML_WORDS, xml.walk)
TEXT = form("text", TEXT_WORDS, statements.text)
