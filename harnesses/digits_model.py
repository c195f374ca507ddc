#!/usr/bin/env python3
"""A picture -> mlfuzz's decoder -> tensor -> the digits model: what bytes can do to an answer.

The seeds are those of the model side. Documented: BadInputError for what is no picture (mlfuzz.modality.image). Looked
at are exceptions, shape, non-finite values, range, time and memory.
"""

import contextlib
import importlib
import sys

HARNESS = {
    "name": "digits_model",
    "about": "a picture -> decoder -> tensor -> the digits model",
    "instrument": ["mlfuzz.modality", "PIL"],
    "preload": [
        "mlfuzz.modality.image", "mlfuzz.modality.picture", "PIL.PngImagePlugin", "PIL.JpegImagePlugin",
        "PIL.WebPImagePlugin", "PIL.BmpImagePlugin", "PIL.ImageOps",
    ],
    "seeds": "corpus/seeds/image/digits",
    "dictionary": "corpus/seeds/code/image_pillow.dict",
    "allowed": ["mlfuzz.errors.BadInputError"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 4096,
    "mutator": "png",
}  # fmt: skip

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

import torch

from mlfuzz.errors import BadInputError
from mlfuzz.examples import digits

torch.set_num_threads(1)  # a process with more threads cannot be forked
TARGET = digits.robust()
LARGEST = 1000.0
"""No logit of this model comes near it on any picture."""


def fuzz(data: bytes) -> None:
    pixels = TARGET.modality.decode(data)
    assert pixels.shape == (1, 28, 28), f"shape {pixels.shape}"
    assert pixels.dtype == "uint8", f"pixels are {pixels.dtype}"
    with torch.inference_mode():
        logits = TARGET.model(TARGET.preprocess(torch.from_numpy(pixels[None]) / 255))
    assert logits.shape == (1, len(TARGET.labels)), f"logits {tuple(logits.shape)}"
    assert bool(logits.isfinite().all()), "a logit that is not finite"
    assert float(logits.abs().max()) < LARGEST, "a logit out of all proportion"


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(BadInputError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
