"""What to write where a model raises on its very first batch: the raw words of torch and NumPy name no next step."""

from __future__ import annotations

import re

from mlfuzz.observation import Crash

TYPES = {
    "double": "float64", "half": "float16", "bfloat16": "bfloat16", "c10::half": "float16", "c10::bfloat16": "bfloat16",
}  # fmt: skip
"""Types of weights as torch calls them in messages."""

LINES = (
    (r"(same dtype|should be the same|expected (m1 and m2|scalar type)|expected .* dtype)",
     "the weights are of another type than the inputs, which are float32; add to the target: "
     "preprocess=lambda x: x.to(torch.{type})"),
    (r"takes 1 positional argument but|missing \d+ required keyword-only|takes from 1 to 1 positional",
     'forward() takes keywords; add to the target: preprocess=lambda x: {{"{keyword}": x}}'),
    (r"missing \d+ required positional argument",
     "forward() takes several arguments; let the preprocessing give a tuple of them, or a dict by name"),
    (r"must be Tensor, not (numpy\.)?ndarray|'numpy\.ndarray' object|numpy\.ndarray",
     "the preprocessing gives an array; end it with torch.from_numpy(array).float()"),
    (r"must be Tensor, not (list|dict|tuple|str)|'(list|tuple)' object has no attribute '(dim|shape|size|to)'",
     "the model is handed no tensor; let the preprocessing give one, or hand a pipeline over as mlfuzz.CallableTarget"),
    (r"expected input.* to have \d+ channels|channels, but got",
     "the model takes other channels; write mlfuzz.Image(size=..., channels=3), or let the preprocessing repeat them"),
    (r"mat1 and mat2 shapes cannot be multiplied|size mismatch",
     "the model takes another size or shape; look at size= of the modality, or let the preprocessing resize"),
)  # fmt: skip
"""Of a message, what to do about it; the first that fits."""


def advice(crash: Crash) -> str:
    """ "; write ..." for an error that is known, "" for any other."""
    for pattern, line in LINES:
        if re.search(pattern, crash.message, re.IGNORECASE):
            return "; " + line.format(type=_type(crash.message), keyword=_keyword(crash.message))
    return ""


def _type(message: str) -> str:
    words = re.findall(r"[\w:]+", message.lower())
    return next((TYPES[word] for word in words if word in TYPES), "float64")


def _keyword(message: str) -> str:
    named = re.search(r"keyword-only arguments?: '(\w+)'", message)
    return named[1] if named else "pixel_values"
