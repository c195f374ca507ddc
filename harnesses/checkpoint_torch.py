#!/usr/bin/env python3
"""A checkpoint -> torch.load(weights_only=True): weights from a stranger.

Documented: pickle.UnpicklingError for what the restricted unpickler does not take (torch's notes on serialization,
"Weights only load failed"); RuntimeError for a damaged archive or a wrong magic number; EOFError for a file that ends
too early, as of any unpickling (library reference of pickle, UnpicklingError).
"""

import contextlib
import importlib
import io
import pickle
import sys
import warnings

HARNESS = {
    "name": "checkpoint_torch",
    "about": "a checkpoint -> torch.load(weights_only=True)",
    "instrument": ["torch._weights_only_unpickler", "torch.serialization"],
    "preload": ["torch"],
    "seeds": "corpus/seeds/code/checkpoint_torch",
    "dictionary": "corpus/seeds/code/checkpoint_torch.dict",
    "allowed": ["pickle.UnpicklingError", "RuntimeError", "EOFError"],
    "seconds": 2.0,
    "mebibytes": 768,
    "length": 4096,
}

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    for module in HARNESS["preload"]:
        importlib.import_module(module)
    for module in HARNESS["instrument"]:  # these alone again, with instrumentation: the whole package takes a minute
        del sys.modules[module]
    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["instrument"]:
            importlib.import_module(module)

import torch
from torch.serialization import load

torch.set_num_threads(1)
warnings.simplefilter("ignore")


def fuzz(data: bytes) -> None:
    load(io.BytesIO(data), map_location="cpu", weights_only=True)


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(pickle.UnpicklingError, RuntimeError, EOFError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
