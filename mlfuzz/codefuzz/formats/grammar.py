"""A grammar of Lark's as a format: sentences are generated, parsed, changed and made smaller by whole subtrees.

Lark reads the grammar and parses; it is imported where a harness names a grammar, and nowhere else.
Sources: Lark's documentation (grammar reference); Hodovan, Kiss and Gyimothy, Grammarinator, A-TEST 2018 (mutation and
recombination of derivation trees).
"""

from __future__ import annotations

import importlib
import re
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from mlfuzz.codefuzz.formats.form import Raw
from mlfuzz.codefuzz.formats.part import Inside, Part, joined
from mlfuzz.codefuzz.formats.sentences import Sentences, Symbol
from mlfuzz.codefuzz.formats.terminals import Drawn
from mlfuzz.errors import ConfigError

EXTRA = "pip install 'mlfuzz[grammar]'"
LARGEST = 1 << 18
"""Bytes of a grammar."""

MOST_PARSED, MOST_PARSED_SLOWLY = 2048, 256
"""Bytes of an input that is parsed: by a table, or, of a grammar that no table is made of, by Earley's algorithm."""

KEPT = 256
"""Trees of inputs that were parsed lately."""

BYTES, FRESH, NESTED = 0.1, 0.25, 0.45
"""Shares, each up to here: the input as bytes, a new sentence, a part inside itself or repeated; then new subtrees."""

_ANTLR = re.compile(r"^\s*(?:/\*.*?\*/\s*|//[^\n]*\n\s*)*(?:lexer\s+|parser\s+)?grammar\s+\w+\s*;", re.DOTALL)
_LINE = re.compile(r"(?:at )?line (\d+)")
_NAMED = re.compile(r"'(\w+)'|NonTerminal\('(\w+)'\)|token (\w+)|<(\w+) :")


class GrammarForm:
    """Mutates by the grammar, and walks an input by its parse tree. Made by `load`."""

    name = "grammar"

    def __init__(self, lark: Any, sentences: Sentences, start: str, origins: dict[str, str], *, slow: bool) -> None:
        self._lark, self._sentences, self._start, self._origins = lark, sentences, start, origins
        self._most = MOST_PARSED_SLOWLY if slow else MOST_PARSED
        self._tree = lru_cache(maxsize=KEPT)(self._parsed)
        self._least = lru_cache(maxsize=None)(lambda name: sentences.least(name).encode())

    def mutate(self, data: bytes, max_size: int, seed: int, raw: Raw) -> bytes:
        """A changed input of at most max_size bytes, mostly one that the grammar takes."""
        rng = Random(seed)
        chance = rng.random()
        if chance < BYTES:
            return raw(data, max_size)
        root = self._tree(data) if chance >= FRESH else None
        found = self.sentence(rng) if root is None else self._changed(root, rng, nested=chance < NESTED)
        if not 0 < len(found) <= max_size:
            found = self.sentence(rng, deep=3)
        return found if 0 < len(found) <= max_size else raw(data, max_size)

    def sentence(self, rng: Random, *, deep: int = 0) -> bytes:
        """A new one; the same for the same generator."""
        return self._sentences.sentence(self._start, rng, deep=deep).encode()

    def walk(self, data: bytes, inside: Inside) -> Part | None:
        """The parse tree, for this caller alone; None where the grammar does not take it, or it is too long."""
        return self._parsed(data)

    def _parsed(self, data: bytes) -> Part | None:
        if len(data) > self._most:
            return None
        try:
            text = data.decode()
            found = self._lark.parse(text)
        except Exception:  # noqa: BLE001 - whatever Lark raises: it is no sentence
            return None
        end = [0]
        root = self._part(found, text, end)
        if end[0] < len(text):
            root.parts.append(Part("space", text[end[0] :].encode()))
        return root

    def _part(self, node: Any, text: str, end: list[int]) -> Part:
        """end: of the token before; what is between is ignored by the grammar, and goes with the token after it."""
        if not hasattr(node, "children"):
            start, end[0] = end[0], node.end_pos
            return Part(f"{node.type} ", text[start : node.end_pos].encode(), kind=node.type, label=str(node).encode())
        name = self._origins.get(str(node.data), str(node.data))
        below = [self._part(one, text, end) for one in node.children if one is not None]
        plain = (self._least(name),) if name in self._sentences else ()
        return Part(name, parts=below, join=joined, kind=name, plain=plain)

    def _changed(self, root: Part, rng: Random, *, nested: bool) -> bytes:
        """Another sentence: a subtree is new, is one from elsewhere in it, stands several times, or inside itself."""
        every = [one for one in (root, *root.below()) if one.kind in self._sentences]
        if not every:
            return self.sentence(rng)
        part = every[rng.randrange(len(every))]
        inside = [one for one in part.below() if one.kind == part.kind]
        if nested and inside:
            return self._nested(root, part, inside[rng.randrange(len(inside))], rng.choice((1, 1, 2, 4, 12)))
        if nested and len(part.parts) > 2:
            return self._repeated(root, part, rng)
        alike = [one for one in every if one.kind == part.kind and one is not part]
        if alike and rng.random() < 0.4:
            return _written(root, part, alike[rng.randrange(len(alike))].written())
        fresh = self._sentences.sentence(part.kind, rng, deep=rng.choice((2, 4, 8))) if part.join else None
        fresh = self._sentences.word(part.kind, rng) if fresh is None else fresh
        space = b" " if part.written()[:1].isspace() else b""
        return _written(root, part, space + fresh.encode())

    def _nested(self, root: Part, part: Part, inner: Part, times: int) -> bytes:
        """The part with itself in the place of what is of its kind inside it."""
        before, _, after = _written(part, inner, _MARK).partition(_MARK)
        return _written(root, part, before * times + part.written() + after * times)

    def _repeated(self, root: Part, part: Part, rng: Random) -> bytes:
        """Items of a list again, with what stands between them."""
        at = rng.randrange(len(part.parts) - 1)
        same = [one for one in range(at + 1, len(part.parts)) if part.parts[one].kind == part.parts[at].kind]
        until = rng.choice(same) if same else at + 1
        written = [one.written() for one in part.parts]
        some = b"".join(written[at:until])
        again = b"".join(written[:at]) + some * rng.choice((2, 2, 3, 8)) + b"".join(written[until:])
        return _written(root, part, again if rng.random() < 0.7 else b"".join(written[:at] + written[until:]))


_MARK = b"\0\xff\0"
"""Stands in no text: it is not UTF-8."""


def _written(root: Part, part: Part, body: bytes) -> bytes:
    """The root's bytes with others in the place of one part."""
    if root is part:
        return body
    if root.join is None:
        return root.body
    return root.join([_written(one, part, body) for one in root.parts])


@lru_cache(maxsize=4)
def load(path: str) -> GrammarForm:
    """The grammar in a file. Raises ConfigError, with the line and what to write, for what is none of Lark's."""
    try:
        lark = importlib.import_module("lark")
    except ImportError:
        raise ConfigError(f"{path}: a grammar needs Lark: {EXTRA}") from None
    text = _text(path)
    rules = re.findall(r"^[?!]*([a-z_]\w*)(?:\.\d+)?\s*(?:\{[^}]*\})?\s*:", text, re.MULTILINE)
    start = "start" if "start" in rules or not rules else rules[0]
    built, slow = _built(lark, path, text, start)
    sentences = _sentences(lark, built, path)
    origins: dict[str, str] = {}
    for rule in built.rules:
        if rule.alias:
            known = origins.setdefault(str(rule.alias), str(rule.origin.name))
            if known != str(rule.origin.name):
                origins[str(rule.alias)] = str(rule.alias)
    return GrammarForm(built, sentences, start, origins, slow=slow)


def _text(path: str) -> str:
    try:
        data = Path(path).read_bytes()
        text = data.decode()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: no grammar that can be read: {error}") from None
    if len(data) > LARGEST:
        raise ConfigError(f"{path}: {len(data):,} bytes; a grammar has at most {LARGEST:,}")
    if path.endswith(".g4") or _ANTLR.match(text):
        raise ConfigError(
            f"{path}: a grammar of ANTLR, which is not read; write it as Lark's, in a file .lark: rules `expr: expr "
            "\"+\" term | term` without ';', terminals in capitals with /regular expressions/, and `start: expr`"
        )
    return text


def _built(lark: Any, path: str, text: str, start: str) -> tuple[Any, bool]:
    """Lark's parser, by a table where there is one; whether it is the slow one."""
    options = {"start": start, "keep_all_tokens": True, "maybe_placeholders": False, "source_path": path}
    try:
        return lark.Lark(text, parser="lalr", **options), False
    except Exception as first:  # noqa: BLE001 - conflicts, and errors that the other parser has as well
        try:
            return lark.Lark(text, parser="earley", **options), True
        except Exception:  # noqa: BLE001 - of the two the first says more
            raise ConfigError(_refusal(path, text, str(first))) from None


def _refusal(path: str, text: str, message: str) -> str:
    """With the line of the file, where the message says it or names what stands there."""
    found = _LINE.search(message)
    line = int(found[1]) if found else 0
    named = _NAMED.search(message)
    name = next((one for one in named.groups() if one), "") if named and not line else ""
    if name:
        twice = "more than once" in message
        sought = re.compile(rf"^[?!]*{name}\b[^:]*:" if twice else rf"\b{name}\b")
        lines = [at for at, one in enumerate(text.splitlines(), 1) if sought.search(one)]
        line = lines[-1 if twice else 0] if lines else 0
    place = f"{path}:{line}" if line else path
    return f"{place}: {' '.join(message.split())[:300]}"


def _sentences(lark: Any, built: Any, path: str) -> Sentences:
    rules: dict[str, list[tuple[Symbol, ...]]] = {}
    for rule in built.rules:
        expansion = tuple(Symbol(str(one.name), bool(one.is_term)) for one in rule.expansion)
        rules.setdefault(str(rule.origin.name), []).append(expansion)
    terminals: dict[str, Drawn | str] = {}
    for one in built.terminals:
        plain = type(one.pattern).__name__ == "PatternStr" and not one.pattern.flags
        terminals[str(one.name)] = str(one.pattern.value) if plain else _drawn(one, path)
    declared = {below.name for some in rules.values() for one in some for below in one if below.terminal} - set(
        terminals
    )
    if declared:
        name = min(declared)
        raise ConfigError(f"{path}: {name} is declared and has no text; write what it is: {name}: /regular expression/")
    ignored = [terminals[name] for name in built.ignore_tokens if name in terminals]
    spaced = any(one == " " if isinstance(one, str) else one.takes(" ") for one in ignored)
    sentences = Sentences(rules, terminals, spaced=spaced)
    used = {below.name for some in rules.values() for one in some for below in one}
    if undrawn := [name for name in sentences.undrawable() if name in used]:
        raise ConfigError(
            f"{path}: no text is found for the terminal {undrawn[0]}; write its expression without (?=...), (?<=...) "
            "and back references, or as several terminals"
        )
    if endless := sentences.endless():
        raise ConfigError(f"{path}: the rule {endless[0]} never ends: each of its alternatives needs it again; add one")
    return sentences


def _drawn(terminal: Any, path: str) -> Drawn:
    flags = 0
    for one in terminal.pattern.flags:
        flags |= {"i": re.I, "m": re.M, "s": re.S, "x": re.X, "u": re.U}.get(one, 0)
    value = terminal.pattern.value
    try:
        return Drawn(re.escape(value) if type(terminal.pattern).__name__ == "PatternStr" else value, flags)
    except re.error as error:
        raise ConfigError(f"{path}: the terminal {terminal.name}: {error}") from None
