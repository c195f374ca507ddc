"""Format-aware mutators: a file taken apart, changed, and put together with its sizes and checksums right.

Read form.py first. Runs in the child, which imports it by name where a harness asks for a format, and in the parent,
which shows the fields. Pure standard library. Dimensions that a change declares are capped, so that small files stay
quick. What each gains over raw bytes is measured by scripts/benchmarks/formats.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlfuzz.codefuzz.formats.compressed import GZIP, ZLIB
from mlfuzz.codefuzz.formats.form import Form, Parts, Raw
from mlfuzz.codefuzz.formats.npy import NPY
from mlfuzz.codefuzz.formats.png import PNG
from mlfuzz.codefuzz.formats.riff import RIFF
from mlfuzz.codefuzz.formats.tokens import JSON, TEXT, TOML, YAML
from mlfuzz.codefuzz.formats.zipped import ZIP
from mlfuzz.errors import UnknownNameError

FORMATS: dict[str, Form] = {
    **{form.name: form for form in (PNG, RIFF, ZIP, NPY, GZIP, ZLIB, JSON, TOML, YAML, TEXT)},
    "wav": RIFF,
    "npz": ZIP,
}
"""By the name that a harness's declaration gives as its mutator."""

SNIFFED = (PNG, RIFF, ZIP, NPY, GZIP)
"""Those that a file's first bytes tell."""


def get(name: str) -> Form:
    """The format of that name. Raises UnknownNameError with the nearest."""
    if name not in FORMATS:
        raise UnknownNameError("mutator", name, FORMATS)
    return FORMATS[name]


def simpler(data: bytes) -> Iterator[bytes]:
    """The same file without some of its pieces, whatever its format; nothing where that is not known."""
    for form in SNIFFED:
        yield from form.simpler(data)


__all__ = ["FORMATS", "Form", "Parts", "Raw", "get", "simpler"]
