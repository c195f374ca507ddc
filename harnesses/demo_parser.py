#!/usr/bin/env python3
"""A made-up tensor file -> mlfuzz.examples.parser, which has four bugs planted in it: for `mlfuzz demo code`.

Documented: FormatError, a ValueError, for a malformed file (the parser's own docstring).
"""

import contextlib
import importlib
import sys

HARNESS = {
    "name": "demo_parser",
    "about": "a tensor file -> a small parser with planted bugs",
    "instrument": ["mlfuzz.examples.parser"],
    "preload": ["mlfuzz.examples.parser.tensorfile"],
    "seeds": "corpus/seeds/code/demo_parser",
    "dictionary": "corpus/seeds/code/demo_parser.dict",
    "allowed": ["ValueError"],
    "seconds": 0.5,
    "mebibytes": 128,
    "length": 256,
}

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

from mlfuzz.examples.parser import parse


def fuzz(data: bytes) -> None:
    parse(data)


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(ValueError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
