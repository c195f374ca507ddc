#!/usr/bin/env python3
"""mlfuzz's own guarded loaders: pictures, sounds, texts and arrays from strangers. The first byte says which.

Documented: BadInputError, and "never anything else" (mlfuzz.modality.base, mlfuzz.corpus.arrays). What was read is
written and read again, and must be the same.
"""

import contextlib
import importlib
import sys

HARNESS = {
    "name": "loaders_mlfuzz",
    "about": "mlfuzz's own loaders of seeds",
    "instrument": ["mlfuzz.modality", "mlfuzz.corpus"],
    "preload": [
        "mlfuzz.modality.image", "mlfuzz.modality.picture", "mlfuzz.modality.audio", "mlfuzz.modality.container",
        "mlfuzz.modality.sound", "mlfuzz.modality.resample", "mlfuzz.modality.text", "mlfuzz.corpus.arrays",
    ],
    "seeds": "corpus/seeds/code/loaders_mlfuzz",
    "dictionary": "corpus/seeds/code/loaders_mlfuzz.dict",
    "allowed": ["mlfuzz.errors.BadInputError"],
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
from mlfuzz.errors import BadInputError
from mlfuzz.modality.audio import Audio
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text

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
    elif kind and kind[0] in MODALITIES:
        modality = MODALITIES[kind[0]]
        payload = modality.decode(content)
        again = modality.decode(modality.encode(payload))
        assert numpy.array_equal(again, payload), "written and read again, it differs"


def stacked(content: bytes) -> None:
    stack = read_stack(content, suffix=".npz" if content.startswith(b"PK") else ".npy")
    for item in stack.inputs[:4]:
        item_bytes(numpy.asarray(item))


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(BadInputError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
