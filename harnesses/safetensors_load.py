#!/usr/bin/env python3
"""A checkpoint -> safetensors.numpy.load: weights from a stranger, the safe way.

Documented: SafetensorError (the package's own exception, for whatever the header or the data lack). Native (Rust):
blind.
"""

import contextlib
import sys

HARNESS = {
    "name": "safetensors_load",
    "about": "a .safetensors file -> arrays",
    "seeds": "corpus/seeds/code/safetensors_load",
    "dictionary": "corpus/seeds/code/safetensors_load.dict",
    "allowed": ["safetensors.SafetensorError"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 2048,
    "blind": True,
}

if __name__ == "__main__":  # a plain atheris script; blind, since native code gives no coverage
    import atheris

from safetensors import SafetensorError
from safetensors.numpy import load


def fuzz(data: bytes) -> None:
    for name, array in load(data).items():
        assert isinstance(name, str), f"a name of type {type(name).__name__}"
        assert array.nbytes <= len(data), f"{array.nbytes} bytes out of {len(data)}"


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(SafetensorError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
