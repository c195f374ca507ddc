#!/usr/bin/env python3
"""A WAV file -> scipy.io.wavfile.read: how many training scripts read their clips.

Documented: read() names no exception; ValueError is what it says of files that it does not take ("File format ... not
understood", and the formats that its notes leave out). WavFileWarning is documented, and ignored here.
"""

import contextlib
import importlib
import importlib.util
import io
import sys
import warnings

HARNESS = {
    "name": "wav_scipy",
    "about": "a WAV file -> scipy.io.wavfile.read",
    "instrument": ["scipy.io.wavfile"],
    "preload": ["scipy.io.wavfile"],
    "seeds": "corpus/seeds/code/wav_scipy",
    "dictionary": "corpus/seeds/code/wav_scipy.dict",
    "allowed": ["ValueError"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 1024,
}

if importlib.util.find_spec("scipy") is None:
    raise ImportError("wav_scipy needs scipy: pip install 'mlfuzz[harnesses]'")

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    for module in HARNESS["preload"]:
        importlib.import_module(module)
    for module in HARNESS["instrument"]:  # these alone again, with instrumentation: the whole package takes a minute
        del sys.modules[module]
    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["instrument"]:
            importlib.import_module(module)

from scipy.io import wavfile

warnings.simplefilter("ignore")


def fuzz(data: bytes) -> None:
    _rate, samples = wavfile.read(io.BytesIO(data))
    assert samples.ndim in (1, 2), f"{samples.ndim} axes"
    assert samples.dtype.kind in "iuf", f"samples are {samples.dtype}"


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(ValueError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
