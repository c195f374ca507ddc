#!/usr/bin/env python3
"""An .npz archive -> numpy.load(allow_pickle=False), each of its arrays.

Documented (numpy.load, Raises): OSError for a file that cannot be read, ValueError for object arrays, EOFError where
nothing is left to read.
"""

import contextlib
import importlib
import io
import sys
import warnings

HARNESS = {
    "name": "npz_numpy",
    "about": "an .npz archive -> numpy.load, each array",
    "instrument": ["numpy.lib", "zipfile"],
    "preload": ["zipfile", "numpy.lib.format", "numpy.lib.npyio"],
    "seeds": "corpus/seeds/code/npz_numpy",
    "dictionary": "corpus/seeds/code/npz_numpy.dict",
    "allowed": ["OSError", "ValueError", "EOFError"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 2048,
    "mutator": "zip",
}

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

import numpy

warnings.simplefilter("ignore")
MAGIC = b"PK"


def fuzz(data: bytes) -> None:
    if not data.startswith(MAGIC):  # npy_numpy has the single arrays
        return
    with numpy.load(io.BytesIO(data), allow_pickle=False) as archive:
        for name in archive.files:
            array = archive[name]
            assert isinstance(array, bytes) or not array.dtype.hasobject, "an object array, unpickled"


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(OSError, ValueError, EOFError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
