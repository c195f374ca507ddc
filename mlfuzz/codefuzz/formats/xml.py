"""XML: elements in one another, with their attributes; what does not match is text.

Source: W3C, Extensible Markup Language 1.0 (Fifth Edition), sections 2.4 to 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from mlfuzz.codefuzz.formats.part import MOST_DEEP, MOST_PARTS, Inside, Part, joined

_ENDS = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))
_NAME = re.compile(rb"</?([^\s/>]*)")
_ATTRIBUTE = re.compile(rb"\s+[^\s=<>\"']+\s*=\s*(?:\"[^\"]*+\"?|'[^']*+'?)|\s+|[^\s]+")


@dataclass(slots=True)
class _Open:
    name: bytes
    tag: bytes
    parts: list[Part] = field(default_factory=list)


def walk(data: bytes, inside: Inside) -> Part:
    """Declarations, comments, elements and text."""
    stack = [_Open(b"", b"")]
    for kind, token in _tokens(data):
        top = stack[-1]
        if kind == "open" and len(stack) < MOST_DEEP:
            stack.append(_Open(_name(token), token))
        elif kind == "close" and len(stack) > 1 and _name(token) == top.name:
            stack.pop()
            stack[-1].parts.append(_element(top, token))
        else:
            top.parts.append(Part(f"{kind} ", token, label=token))
    while len(stack) > 1:
        top = stack.pop()
        stack[-1].parts.append(_element(top, b""))
    return Part("file", parts=stack[0].parts, join=joined)


def _tokens(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Byte for byte; the last one is what is left after MOST_PARTS."""
    at, missing = 0, set[bytes]()
    for _ in range(MOST_PARTS):
        if at >= len(data):
            return
        if data[at : at + 1] != b"<":
            end = data.find(b"<", at)
            end = len(data) if end < 0 else end
            yield "text", data[at:end]
            at = end
            continue
        close = next((close for begin, close in _ENDS if data.startswith(begin, at)), b"")
        sign = close or b">"
        # What is nowhere behind one place is nowhere behind the next.
        end = -1 if sign in missing else data.find(sign, at)
        if end < 0:
            missing.add(sign)
            yield "text", data[at : at + 1]
            at += 1
            continue
        token = data[at : end + len(sign)]
        at += len(token)
        if close or token.startswith(b"<!"):
            yield "declaration", token
        elif token.startswith(b"</"):
            yield "close", token
        else:
            yield ("empty" if token.endswith(b"/>") else "open"), token
    if at < len(data):
        yield "text", data[at:]


def _name(tag: bytes) -> bytes:
    found = _NAME.match(tag)
    return found[1] if found else b""


def _element(top: _Open, close: bytes) -> Part:
    attributes = Part("tag ", label=top.tag, parts=_attributes(top), join=_tag, fixed=False)
    content = Part("content", parts=top.parts, join=joined)
    parts = [attributes, content]
    least = (b"<" + top.name + b"/>", top.tag[:-1] + b"/>")
    return Part(
        "element ", label=top.name, parts=parts, join=partial(_closed, close), kind="element", fixed=True, plain=least
    )


def _attributes(top: _Open) -> list[Part]:
    begin = len(top.name) + 1
    found = [Part("attribute ", one, label=one) for one in _ATTRIBUTE.findall(top.tag[begin:-1])]
    return [Part("name", top.tag[:begin]), *found]


def _tag(parts: Sequence[bytes]) -> bytes:
    return b"".join(parts) + b">"


def _closed(close: bytes, parts: Sequence[bytes]) -> bytes:
    return b"".join(parts) + close
