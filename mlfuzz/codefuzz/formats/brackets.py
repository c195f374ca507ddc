"""Text in brackets: JSON, values of TOML and YAML, the header of npy, dictionaries of PDF."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from mlfuzz.codefuzz.formats.part import MOST_DEEP, MOST_PARTS, Join, Part, joined, shown

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
    end = 0
    for count, found in enumerate(TOKEN.finditer(text)):
        token, end = found[0], found.end()
        top = stack[-1]
        if token in language.closes and len(stack) < MOST_DEEP:
            stack.append(_Open(token))
        elif len(stack) > 1 and token == language.closes[top.sign]:
            _finish(top, language, last=True)
            stack.pop()
            stack[-1].item.append(_group(top, token, language))
        elif language.comma and token == b"," and len(stack) > 1:
            _finish(top, language)
        else:
            top.item.append(token)
            if not language.comma and token.isspace():
                _finish(top, language)
        if count > MOST_PARTS:
            break
    if end < len(text):
        stack[-1].item.append(text[end:])
    while len(stack) > 1:  # what is not closed
        top = stack.pop()
        _finish(top, language, last=True)
        stack[-1].item.append(_group(top, b"", language))
    bottom = stack[0]
    _finish(bottom, language, last=True)
    if len(bottom.items) == 1:
        bottom.items[0].name = name
        return bottom.items[0]
    return Part(name, parts=bottom.items, join=joined)


def _finish(top: _Open, language: Language, *, last: bool = False) -> None:
    """The tokens since the last comma become an item."""
    tokens, top.item = top.item, []
    if last and not tokens and (not top.items or not language.comma):
        return
    at = next((at for at, token in enumerate(tokens) if token == language.pair), -1)
    if language.comma and at >= 0:
        key = joined([token.written() if isinstance(token, Part) else token for token in tokens[:at]])
        value = _value(tokens[at + 1 :], language)
        value.name = f"value of {shown(key)}"
        pair = Part(f"key {shown(key)}", parts=[Part("key", key), value], join=language.pair.join, fixed=True)
        top.items.append(pair)
    else:
        top.items.append(_value(tokens, language))


def _value(tokens: list[bytes | Part], language: Language) -> Part:
    parts = [(at, token) for at, token in enumerate(tokens) if isinstance(token, Part)]
    if not parts:
        body = b"".join(token for token in tokens if isinstance(token, bytes))
        return Part(f"value {shown(body)}", body, kind="value", plain=language.plain)
    if len(parts) == 1 and all(isinstance(token, Part) or token.isspace() for token in tokens):
        at, group = parts[0]
        before, after = tokens[:at], tokens[at + 1 :]
        if before or after:
            around = (b"".join(map(_bytes, before)), b"".join(map(_bytes, after)))
            inner = group.join
            assert inner is not None
            group.join = partial(_between, inner, *around)
        return group
    mixed = [token if isinstance(token, Part) else Part(f"word {shown(token)}", token) for token in tokens]
    return Part("words", parts=mixed, join=joined, kind="value", plain=language.plain)


def _bytes(token: bytes | Part) -> bytes:
    return token.written() if isinstance(token, Part) else token


def _between(inner: Join, before: bytes, after: bytes, parts: Sequence[bytes]) -> bytes:
    return before + inner(parts) + after


def _group(top: _Open, close: bytes, language: Language) -> Part:
    between = b"," if language.comma else b""
    name = f"{top.sign.decode()} {len(top.items)} item{'' if len(top.items) == 1 else 's'} {close.decode()}"
    join = partial(_grouped, top.sign, between, close)
    return Part(name, parts=top.items, join=join, kind="value", plain=(*language.plain, top.sign + close))


def _grouped(sign: bytes, between: bytes, close: bytes, parts: Sequence[bytes]) -> bytes:
    return sign + between.join(parts) + close
