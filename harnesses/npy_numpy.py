#!/usr/bin/env python3
"""An .npy file -> numpy.load(allow_pickle=False): arrays that a service is handed.

Documented (numpy.load, Raises): OSError for a file that cannot be read, ValueError for object arrays, EOFError where
nothing is left to read.
"""

import contextlib
import importlib
import io
import sys
import warnings

HARNESS = {
    "name": "npy_numpy",
    "about": "an .npy file -> numpy.load",
    "instrument": ["numpy.lib"],
    "preload": ["numpy.lib.format", "numpy.lib.npyio"],
    "seeds": "corpus/seeds/code/npy_numpy",
    "dictionary": "corpus/seeds/code/npy_numpy.dict",
    "allowed": ["OSError", "ValueError", "EOFError"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 1024,
    "mutator": "npy",
}

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

import numpy

warnings.simplefilter("ignore")
MAGIC = b"\x93NUMPY"


def fuzz(data: bytes) -> None:
    if not data.startswith(MAGIC):  # npz_numpy has the archives
        return
    array = numpy.load(io.BytesIO(data), allow_pickle=False)
    assert not array.dtype.hasobject, "an object array in spite of allow_pickle=False"


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(OSError, ValueError, EOFError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
