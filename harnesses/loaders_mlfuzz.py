#!/usr/bin/env python3
"""mlfuzz's own guarded loaders: pictures, sounds, texts, arrays and folders of them from strangers.

Documented: BadInputError, "never anything else" (mlfuzz.modality.base, mlfuzz.corpus.arrays); of a folder SeedError.
What was read is written and read again, and must be the same; of a folder each file is taken or counted. The first byte
says which loader is meant.
"""

import contextlib
import importlib
import shutil
import sys
from pathlib import Path

HARNESS = {
    "name": "loaders_mlfuzz",
    "about": "mlfuzz's own loaders of seeds",
    "instrument": ["mlfuzz.modality", "mlfuzz.corpus"],
    "preload": [
        "mlfuzz.modality.image", "mlfuzz.modality.picture", "mlfuzz.modality.audio", "mlfuzz.modality.container",
        "mlfuzz.modality.sound", "mlfuzz.modality.resample", "mlfuzz.modality.text", "mlfuzz.corpus.arrays",
        "mlfuzz.corpus.seeds",
    ],
    "seeds": "corpus/seeds/code/loaders_mlfuzz",
    "dictionary": "corpus/seeds/code/loaders_mlfuzz.dict",
    "allowed": ["mlfuzz.errors.BadInputError", "mlfuzz.errors.SeedError"],
    "seconds": 2.0,
    "mebibytes": 512,
    "length": 4096,
}  # fmt: skip

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

import numpy

from mlfuzz.corpus.arrays import item_bytes, read_stack
from mlfuzz.corpus.columns import COLUMN_FILES
from mlfuzz.corpus.files import LABELS, MISSING
from mlfuzz.corpus.label_files import NAMES
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.corpus.sources import CLASS
from mlfuzz.corpus.tables import TABLES
from mlfuzz.errors import BadInputError, SeedError
from mlfuzz.modality.audio import Audio
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text

FOLDER = Path("folder")  # where the run is, which differs from where it was imported
LONGEST = 255
SEVERAL = (*TABLES, *COLUMN_FILES, CLASS, ".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz")
"""Suffixes of files that hold several seeds, or the label of another."""
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)

MODALITIES = {
    ord("i"): Image(size=(16, 16)),
    ord("f"): Image(size=(16, 16), channels=3, grid="float32"),
    ord("a"): Audio(seconds=0.25),
    ord("w"): Audio(seconds=None, grid="float32"),
    ord("t"): Text(max_chars=256),
}


def fuzz(data: bytes) -> None:
    kind, content = data[:1], data[1:]
    if kind == b"n":
        stacked(content)
    elif kind == b"l":
        folder({"a.png": PICTURE, "cat/b.png": b"", LABELS: content}, MODALITIES[ord("i")])
    elif kind == b"s":
        name, _, rest = content.partition(b"\0")
        folder({"a.txt": b"a text", **({plain(name): rest} if plain(name) else {})}, Text(max_chars=256))
    elif kind and kind[0] in MODALITIES:
        modality = MODALITIES[kind[0]]
        payload = modality.decode(content)
        again = modality.decode(modality.encode(payload))
        assert numpy.array_equal(again, payload), "written and read again, it differs"


def plain(name: bytes) -> str:
    """A name of a file in a folder; "" where a file system has none such."""
    text = name.decode("utf-8", "surrogateescape")
    return "" if "/" in text or len(name) > LONGEST or text in ("", ".", "..", "a.txt", LABELS) else text


def folder(files: dict[str, bytes], modality: Image | Text) -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name, content in files.items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_bytes(content)
    found = load_seeds(FOLDER, modality)
    there = found.seen - found.skipped.get(MISSING, 0)
    if not any(
        Path(name).suffix.lower() in SEVERAL or Path(name).name.lower() in NAMES for name in files if name != LABELS
    ):
        assert there == len(files) - (LABELS in files), f"{there} of {len(files)} files are counted"
    assert all(line.isascii() and line.isprintable() for line in (*found.advice(), *found.warnings)), "raw bytes"


def stacked(content: bytes) -> None:
    stack = read_stack(content, suffix=".npz" if content.startswith(b"PK") else ".npy")
    for item in stack.inputs[:4]:
        item_bytes(numpy.asarray(item))


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(BadInputError, SeedError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
