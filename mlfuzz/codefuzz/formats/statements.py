"""Text in lines: TOML by tables and statements, YAML and plain text by indentation; values go by their brackets."""

from __future__ import annotations

import re
from dataclasses import replace

from mlfuzz.codefuzz.formats import brackets
from mlfuzz.codefuzz.formats.brackets import TOKEN, Language
from mlfuzz.codefuzz.formats.part import MOST_DEEP, MOST_PARTS, Inside, Part, joined

JSON = Language()
TOML = Language(pair=b"=")
YAML = Language(pair=b":", plain=(b"0", b"~"))

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_ASSIGNED = re.compile(rb"\s*[^=\"'\[\]{}\n]+=")
_KEYED = re.compile(rb"\s*(?:- +)*[^:#\n]{1,200}:(?=[ \n])|\s*(?:- +)+")


def json(data: bytes, inside: Inside) -> Part:
    """One value, often inside another."""
    return brackets.walk("value", data, JSON)


def toml(data: bytes, inside: Inside) -> Part:
    """Tables, each with its statements; a statement goes on where brackets are open, or a long string."""
    root: list[Part] = []
    table = root
    for line in _statements(data):
        statement = _statement(line)
        if line.lstrip().startswith(b"["):
            table = [replace(statement, name="header", kind="")]
            root.append(Part("table ", label=line, parts=table, join=joined))
        else:
            table.append(statement)
    return Part("file", parts=root, join=joined)


def _statement(line: bytes) -> Part:
    found = _ASSIGNED.match(line)
    if found is None:
        return Part("line ", line, label=line)
    value = brackets.walk("value", line[found.end() :].rstrip(b"\r\n"), TOML)
    end = line[found.end() :][len(line[found.end() :].rstrip(b"\r\n")) :]
    parts = [Part("key", found[0]), value, Part("end", end)]
    return Part("key ", label=found[0][:-1], parts=parts, join=joined, fixed=True)


def _statements(data: bytes) -> list[bytes]:
    found: list[bytes] = []
    start, depth, quotes = 0, 0, b""
    for token in TOKEN.finditer(data):
        text = token[0]
        if quotes:  # inside a long string, whose words are not looked at
            quotes = b"" if quotes in text else quotes
        elif text in (b'""', b"''") and data[token.end() : token.end() + 1] == text[:1]:
            quotes = text + text[:1]
        elif text in (b"[", b"{"):
            depth += 1
        elif text in (b"]", b"}"):
            depth = max(0, depth - 1)
        elif b"\n" in text and not depth:
            found.append(data[start : token.end()])
            start = token.end()
        if len(found) > MOST_PARTS:
            break
    return [*found, data[start:]] if start < len(data) else found


def yaml(data: bytes, inside: Inside) -> Part:
    """A line holds those below it that are indented further."""
    return indented(data, YAML)


def text(data: bytes, inside: Inside) -> Part:
    """Lines alone."""
    return indented(data, None)


def indented(data: bytes, language: Language | None) -> Part:
    """language: of the values on a line, None where a line is not looked into."""
    root = Part("file", parts=[], join=joined)
    stack: list[tuple[int, Part]] = [(-1, root)]
    at = 0
    for count, found in enumerate(_LINE.finditer(data)):
        if count == MOST_PARTS:
            break
        line, at = found[0], found.end()
        deep = len(line) - len(line.lstrip(b" -\t"))
        blank = not line.strip()
        while not blank and len(stack) > 1 and (stack[-1][0] >= deep or len(stack) > MOST_DEEP):
            stack.pop()
        node = Part("line ", label=line, parts=[_line(line, language)], join=joined)
        stack[-1][1].parts.append(node)
        if not blank:
            stack.append((deep, node))
    if at < len(data):
        root.parts.append(Part("rest", data[at:]))
    return root


def _line(line: bytes, language: Language | None) -> Part:
    found = _KEYED.match(line) if language is not None else None
    if found is None or language is None:
        return Part("line", line)
    text = line[found.end() :].rstrip(b"\r\n")
    parts = [
        Part("key", found[0]),
        brackets.walk("value", text, language),
        Part("end", line[found.end() + len(text) :]),
    ]
    return Part("line", parts=parts, join=joined)
