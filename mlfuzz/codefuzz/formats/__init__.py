"""Formats of files: one walker for what is mutated, what is minimised, and what is shown of two inputs' difference.

Read part.py first (a file as a tree of parts), then form.py (what a format knows). Runs in the child, which imports it
by name where a harness asks for a format, and in the parent. Pure standard library. Dimensions that a change declares
are capped, so that small files stay quick. What each gains over raw bytes is measured by scripts/benchmarks/formats.py.
"""

from __future__ import annotations

from collections.abc import Generator

from mlfuzz.codefuzz.formats import reduction, safetensors, tar
from mlfuzz.codefuzz.formats.binary import PDF, PICKLE, PROTOBUF, SAFETENSORS, TAR
from mlfuzz.codefuzz.formats.compressed import GZIP, ZLIB
from mlfuzz.codefuzz.formats.form import Form, Format, Parts, Raw
from mlfuzz.codefuzz.formats.grammar import load
from mlfuzz.codefuzz.formats.npy import NPY
from mlfuzz.codefuzz.formats.part import Inside, Part, leaf
from mlfuzz.codefuzz.formats.png import PNG
from mlfuzz.codefuzz.formats.reduction import Search
from mlfuzz.codefuzz.formats.riff import RIFF
from mlfuzz.codefuzz.formats.tokens import JSON, TEXT, TOML, XML, YAML
from mlfuzz.codefuzz.formats.zipped import ZIP
from mlfuzz.errors import UnknownNameError


class AnyForm(Form):
    """Each file by the format that its own bytes tell; bytes where they tell none."""

    def mutate(self, data: bytes, max_size: int, seed: int, raw: Raw) -> bytes:
        form = sniffed(data)
        return raw(data, max_size) if form is None else form.mutate(data, max_size, seed, raw)


def _any(data: bytes, inside: Inside) -> Part | None:
    form = sniffed(data)
    return None if form is None else form.walk(data, inside)


AUTO = AnyForm("auto", _any, lambda piece, rng, raw, room: raw(piece, max(1, room)))

FORMATS: dict[str, Form] = {
    **{
        form.name: form
        for form in (
            PNG, RIFF, ZIP, NPY, GZIP, ZLIB, JSON, TOML, YAML, XML, TEXT, TAR, PDF, SAFETENSORS, PROTOBUF, PICKLE
        )
    },
    "wav": RIFF,
    "npz": ZIP,
    "auto": AUTO,
}  # fmt: skip
"""By the name that a harness's declaration gives as its mutator."""

BEGINNINGS = (
    (b"\x89PNG", PNG), (b"RIFF", RIFF), (b"RIFX", RIFF), (b"RF64", RIFF), (b"PK", ZIP), (b"\x93NUMPY", NPY),
    (b"\x1f\x8b", GZIP), (b"%PDF-", PDF), (b"\x80", PICKLE),
)  # fmt: skip

MOST_NESTED = 3
"""Formats in one another that are looked into: a picture in an archive in a stream."""

MOST_BYTES = 1 << 18
"""That are walked; a larger file is cut as bytes alone."""


def get(name: str) -> Form:
    """The format of that name. Raises UnknownNameError with the nearest."""
    if name not in FORMATS:
        raise UnknownNameError("mutator", name, FORMATS)
    return FORMATS[name]


def of(mutator: str, grammar: str = "") -> Format | None:
    """What a harness declares, a grammar before a name; None for nothing. grammar: a file's path.

    Raises UnknownNameError, and ConfigError for a grammar that is none.
    """
    return load(grammar) if grammar else get(mutator) if mutator else None


def sniffed(data: bytes) -> Form | None:
    """The format that a file's own bytes tell."""
    for beginning, form in BEGINNINGS:
        if data.startswith(beginning):
            return form
    if safetensors.looks(data):
        return SAFETENSORS
    if data[tar.MAGIC_AT :].startswith(tar.MAGIC):
        return TAR
    start = data[:64].lstrip()[:1]
    if start in (b"{", b"["):
        return JSON
    return XML if start == b"<" else None


def tree(data: bytes, declared: Format | None = None, *, nested: int = MOST_NESTED) -> Part:
    """All of a file. declared: its format; where it has none, or is not of it, its bytes tell it.

    A file of no known format, or larger than MOST_BYTES, is a leaf.
    """
    if len(data) > MOST_BYTES:
        return leaf("file", data)

    def inside(name: str, body: bytes) -> Part:
        found = tree(body, nested=nested - 1) if nested > 1 else leaf(name, body)
        found.name = name
        return found

    for form in (declared, sniffed(data)):
        walked = form.walk(data, inside) if form is not None else None
        if walked is not None:
            return walked
    return leaf("file", data)


def simpler(data: bytes, declared: Format | None = None) -> Search:
    """The same file with less in it, whatever its format; nothing where that is not known."""
    root = tree(data, declared)
    return reduction.simpler(root) if root.join is not None else _nothing()


def _nothing() -> Generator[bytes, bool | None, None]:
    yield from ()


__all__ = ["FORMATS", "Form", "Format", "Part", "Parts", "Raw", "Search", "get", "of", "simpler", "sniffed", "tree"]
