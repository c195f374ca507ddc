"""Objects as PDF numbers them: dictionaries, streams with their lengths, the table of places written anew.

Source: ISO 32000-1:2008, sections 7.3 (objects), 7.5.4 (cross-reference table) and 7.5.5 (trailer).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

from mlfuzz.codefuzz.formats import brackets
from mlfuzz.codefuzz.formats.brackets import Language
from mlfuzz.codefuzz.formats.compressed import unpacked
from mlfuzz.codefuzz.formats.part import MOST_PARTS, Inside, Part, joined, once

MAGIC = b"%PDF-"
DICTIONARY = Language(
    pair=b"", comma=False, plain=(b"0", b"null"), closes={b"<<": b">>", b"[": b"]", b"(": b")"}
)  # fmt: skip

_OBJECT = re.compile(rb"(\d{1,10})[ \r\n\t]{1,4}(\d{1,5})[ \r\n\t]{1,4}obj\b")
_STREAM = re.compile(rb"stream\r?\n")
_LENGTH = re.compile(rb"/Length\s{1,4}\d{1,10}(?!\s{1,4}\d{1,5}\s{1,4}R)")
_SIZE = re.compile(rb"/Size\s{1,4}\d{1,10}")
_TABLE = re.compile(rb"xref\s|trailer\b|startxref\b")


def walk(data: bytes, inside: Inside) -> Part | None:
    """The first line, objects, the trailer; None where it does not begin as one."""
    if not data.startswith(MAGIC):
        return None
    found = [one for _, one in zip(range(MOST_PARTS), _OBJECT.finditer(data), strict=False)]
    if not found:
        return once(data, [Part("file", data)], joined, "document")
    starts = [one.start() for one in found]
    last = _TABLE.search(data, starts[-1])
    end = last.start() if last else len(data)
    parts = [Part("header", data[: starts[0]])]
    parts += [
        _object(data[start:stop], one[1].decode(), inside)
        for start, stop, one in zip(starts, [*starts[1:], end], found, strict=True)
    ]
    at = data.find(b"trailer", end)
    stop = data.find(b"startxref", max(at, end))
    trailer = data[at + 7 : stop if stop >= 0 else len(data)] if at >= 0 else b""
    walked = brackets.walk("trailer", trailer, DICTIONARY)
    parts.append(Part("trailer", parts=[walked], join=joined))
    return once(data, parts, _document, "document")


def _object(text: bytes, number: str, inside: Inside) -> Part:
    stream = _STREAM.search(text)
    end = text.rfind(b"endstream") if stream else -1
    if stream is None or end < stream.end():
        return Part(f"object {number}", parts=[brackets.walk("value", text, DICTIONARY)], join=joined)
    body = text[stream.end() : end]
    content = unpacked(body) if b"/FlateDecode" in text[: stream.start()] else None
    plain = body if content is None else content
    tail = body[len(body.rstrip(b"\r\n")) :] if content is None else b"\n"
    before = brackets.walk("dictionary", text[: stream.start()], DICTIONARY)
    inner = inside("stream", plain[: len(plain) - len(tail)] if content is None else plain)
    inner.name = f"stream of object {number}"

    def join(parts: Sequence[bytes]) -> bytes:
        head, stuff = parts
        written = zlib.compress(stuff) if content is not None else stuff
        head = _LENGTH.sub(b"/Length %d" % len(written), head, count=1)
        return head + stream[0] + written + tail + text[end:]

    return Part(f"object {number}", parts=[before, inner], join=join, fixed=True)


def _document(parts: Sequence[bytes]) -> bytes:
    """With a table of where each object begins."""
    body, places = b"", dict[int, tuple[int, int]]()
    for text in parts[:-1]:
        found = _OBJECT.match(text)
        if found is not None:
            places[int(found[1])] = (len(body), int(found[2]))
        body += text
    size = max(places, default=0) + 1
    trailer = _SIZE.sub(b"/Size %d" % size, parts[-1] if parts else b"", count=1)
    rows = [b"0000000000 65535 f \n"]
    rows += [b"%d 1\n%010d %05d n \n" % (number, at, age % 100000) for number, (at, age) in sorted(places.items())]
    return body + b"xref\n0 1\n" + b"".join(rows) + b"trailer" + trailer + b"startxref\n%d\n%%%%EOF\n" % len(body)
