"""Text in brackets: JSON, values of TOML and YAML, the header of npy, dictionaries of PDF."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from mlfuzz.codefuzz.formats.part import MOST_DEEP, MOST_PARTS, Part, joined

TOKEN = re.compile(
    rb"\"(?:[^\"\\\n]|\\.)*+\"?|'[^'\n]*'|<<|>>|[\w.+/-]+|[ \t\r\n]+|.", re.DOTALL
)  # fmt: skip
"""An unclosed string goes to the end of its line: looking for its end from each place would be quadratic."""

CLOSES = {b"[": b"]", b"{": b"}", b"(": b")"}


@dataclass(frozen=True, slots=True)
class Language:
    """pair: the sign between key and value. comma: whether that is between items, or nothing but space.

    plain: the least value. closes: the brackets.
    """

    pair: bytes = b":"
    comma: bool = True
    plain: tuple[bytes, ...] = (b"0", b'""')
    closes: Mapping[bytes, bytes] = field(default_factory=lambda: CLOSES)


@dataclass(slots=True)
class _Open:
    """A bracket that is not closed yet. item: tokens and closed groups since the last comma."""

    sign: bytes
    items: list[Part] = field(default_factory=list)
    item: list[bytes | Part] = field(default_factory=list)


def walk(name: str, text: bytes, language: Language) -> Part:
    """One value, or several after one another. Brackets that do not match are words like any other."""
    stack = [_Open(b"")]
    closes, comma = language.closes, language.comma
    tokens = TOKEN.findall(text)
    rest = tokens[MOST_PARTS:]
    top, close = stack[0], b""
    for token in tokens[:MOST_PARTS]:
        if token in closes and len(stack) < MOST_DEEP:
            top, close = _Open(token), closes[token]
            stack.append(top)
        elif token == close:
            _finish(top, language, last=True)
            stack.pop()
            stack[-1].item.append(_group(top, token, language))
            top = stack[-1]
            close = closes.get(top.sign, b"")
        elif token == b"," and comma and close:
            _finish(top, language)
        else:
            top.item.append(token)
            if not comma and token.isspace():
                _finish(top, language)
    if rest:
        stack[-1].item.append(b"".join(rest))
    while len(stack) > 1:  # what is not closed
        top = stack.pop()
        _finish(top, language, last=True)
        stack[-1].item.append(_group(top, b"", language))
    bottom = stack[0]
    _finish(bottom, language, last=True)
    if len(bottom.items) == 1:
        bottom.items[0].name, bottom.items[0].label = name, b""
        return bottom.items[0]
    return Part(name, parts=bottom.items, join=joined)


def _finish(top: _Open, language: Language, *, last: bool = False) -> None:
    """The tokens since the last comma become an item."""
    tokens, top.item = top.item, []
    if last and not tokens and (not top.items or not language.comma):
        return
    if language.pair in tokens and language.comma:
        at = tokens.index(language.pair)
        key = b"".join(map(_bytes, tokens[:at]))
        value = _value(tokens[at + 1 :], language)
        value.name, value.label = "value of ", key
        top.items.append(Part("key ", b"", [Part("key", key), value], language.pair.join, "", True, (), key))
    else:
        top.items.append(_value(tokens, language))


def _value(tokens: list[bytes | Part], language: Language) -> Part:
    try:
        body = b"".join(tokens)  # type: ignore[arg-type]  # quicker than to look at each
    except TypeError:
        return _around(tokens, language)
    return Part("value ", body, [], None, "value", False, language.plain, body)


def _around(tokens: list[bytes | Part], language: Language) -> Part:
    """Where a group is among the tokens."""
    if len(tokens) == 1 and isinstance(tokens[0], Part):
        return tokens[0]
    mixed = [token if isinstance(token, Part) else Part("word ", token, label=token) for token in tokens]
    (named, *more) = [token for token in tokens if isinstance(token, Part)]
    alone = not more and all(isinstance(token, Part) or token.isspace() for token in tokens)
    name = named.name if alone else "words"
    return Part(name, b"", mixed, joined, "value", alone, language.plain, named.label)


def _bytes(token: bytes | Part) -> bytes:
    return token.written() if isinstance(token, Part) else token


def _group(top: _Open, close: bytes, language: Language) -> Part:
    between = b"," if language.comma else b""
    join = partial(_grouped, top.sign, between, close)
    shape = top.sign + close
    return Part("items in ", b"", top.items, join, "value", False, (*language.plain, shape), shape)


def _grouped(sign: bytes, between: bytes, close: bytes, parts: Sequence[bytes]) -> bytes:
    return sign + between.join(parts) + close
