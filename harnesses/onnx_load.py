#!/usr/bin/env python3
"""A model -> onnx: load, check, infer shapes: what a model registry does with an upload.

Documented: google.protobuf's DecodeError (reference of Message.ParseFromString), onnx.checker.ValidationError and
onnx.shape_inference.InferenceError ("an exception will be raised", references of check_model and infer_shapes). Native
(C++): blind.
"""

import contextlib
import importlib.util
import sys

HARNESS = {
    "name": "onnx_load",
    "about": "an ONNX model -> load, check, infer shapes",
    "seeds": "corpus/seeds/code/onnx_load",
    "dictionary": "corpus/seeds/code/onnx_load.dict",
    "allowed": [
        "google.protobuf.message.DecodeError",
        "onnx.checker.ValidationError",
        "onnx.shape_inference.InferenceError",
    ],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 2048,
    "blind": True,
}

if importlib.util.find_spec("onnx") is None:
    raise ImportError("onnx_load needs onnx: pip install 'mlfuzz[harnesses]'")

if __name__ == "__main__":  # a plain atheris script; blind, since native code gives no coverage
    import atheris

import onnx
from google.protobuf.message import DecodeError
from onnx.checker import ValidationError
from onnx.shape_inference import InferenceError


def fuzz(data: bytes) -> None:
    model = onnx.load_model_from_string(data)
    onnx.checker.check_model(model)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(DecodeError, ValidationError, InferenceError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
