"""Words for libFuzzer: constants of the code under test, and the user's own list.

A dozen right words are worth 8 % of edges on a text parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import CodeType

LONGEST = 32
MOST = 512
"""libFuzzer draws words evenly: thousands of useless ones drown those that matter."""

LINE = re.compile(rb'^\s*(?:[A-Za-z_][\w.@-]*\s*=\s*)?"((?:[^"\\]|\\(?:x[0-9a-fA-F]{2}|["\\]))*)"\s*$')


MOST_LEARNED = 128
"""Of the words that libFuzzer has found useful; those that were found last stay."""

RECOMMENDED = re.compile(rb"^#+ Recommended dictionary\. #+\n(.*?)^#+ End of recommended", re.MULTILINE | re.DOTALL)
USEFUL = re.compile(rb'^"((?:[^"\\\n]|\\(?:[0-7]{3}|x[0-9a-fA-F]{2}|["\\]))*)" # Uses: (\d+)$', re.MULTILINE)


def constants(code: CodeType) -> list[bytes]:
    """Short byte strings, short words and numbers of several bytes in a module's code, nested code included."""
    found: dict[bytes, None] = {}
    _collect(code, found)
    return list(found)


def _collect(code: CodeType, found: dict[bytes, None]) -> None:
    documentation = code.co_consts[0] if code.co_consts else None
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _collect(constant, found)
        elif constant is not documentation or not isinstance(constant, str):
            _word(constant, found)


def _word(value: object, found: dict[bytes, None]) -> None:
    if isinstance(value, bytes):
        if 2 <= len(value) <= LONGEST:
            found[value] = None
    elif isinstance(value, str):
        if 2 <= len(value) <= LONGEST and " " not in value and "%" not in value and value.isascii():
            found[value.encode()] = None
    elif isinstance(value, bool):
        return
    elif isinstance(value, int):
        if 0xFF < value < 1 << 32:
            size = 2 if value < 1 << 16 else 4
            found[value.to_bytes(size, "little")] = None
            found[value.to_bytes(size, "big")] = None
    elif isinstance(value, tuple | frozenset):
        for one in value:
            if isinstance(one, bytes | int):
                _word(one, found)


def chosen(words: Iterable[bytes], most: int = MOST) -> list[bytes]:
    """At most so many, each once: those that look like bytes of a format before names, shorter before longer."""
    return sorted(dict.fromkeys(words), key=lambda word: (_name_like(word), len(word)))[:most]


def _name_like(word: bytes) -> bool:
    return len(word) > 4 and word.replace(b"_", b"").isalnum() and word[:1].isalpha()


def parse(text: bytes) -> tuple[list[bytes], list[str]]:
    """Words of a libFuzzer or AFL dictionary file, and a word on each line that is none: libFuzzer ends at one."""
    words, refused = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith(b"#"):
            continue
        match = LINE.match(line)
        if match is None:
            refused.append(
                f'line {number}: {line[:60].decode("utf-8", "backslashreplace")!r} is not "word" or name="word"'
            )
            continue
        word = re.sub(rb"\\(x[0-9a-fA-F]{2}|.)", _unescaped, match[1])
        if word:
            words.append(word)
    return words, refused


def recommended(printed: bytes) -> list[bytes]:
    """The words that libFuzzer recommends as it ends, the most used first; [] where it has not come to that.

    They come from what comparisons were seen to want, and have led to something new.
    """
    sections = RECOMMENDED.findall(printed)
    found = USEFUL.findall(sections[-1]) if sections else []
    words = [re.sub(rb"\\([0-7]{3}|x[0-9a-fA-F]{2}|.)", _unprinted, word) for word, _ in sorted(found, key=_unused)]
    return [word for word in words if 2 <= len(word) <= LONGEST]


def _unused(found: tuple[bytes, bytes]) -> int:
    return -int(found[1])


def _unprinted(match: re.Match[bytes]) -> bytes:
    """libFuzzer prints octal where it reads hexadecimal."""
    escaped = match[1]
    return bytes([int(escaped, 8) & 255]) if len(escaped) == 3 and escaped.isdigit() else _unescaped(match)


def learned(new: Iterable[bytes], old: Iterable[bytes]) -> list[bytes]:
    """What is kept of the words of this run and of those before it."""
    return list(dict.fromkeys([*new, *old]))[:MOST_LEARNED]


def combined(own: Iterable[bytes], learnt: Iterable[bytes], found: Iterable[bytes]) -> list[bytes]:
    """The user's words before those of earlier runs, and these before constants of the code; at most MOST."""
    return list(dict.fromkeys([*chosen(own), *learnt, *chosen(found)]))[:MOST]


def _unescaped(match: re.Match[bytes]) -> bytes:
    escaped = match[1]
    return bytes([int(escaped[1:], 16)]) if len(escaped) == 3 else escaped


def written(words: Iterable[bytes]) -> bytes:
    """A dictionary file as libFuzzer reads it: everything escaped that could be misread."""
    lines = ["".join(f"\\x{byte:02X}" for byte in word) for word in words]
    return "".join(f'"{line}"\n' for line in lines).encode()
