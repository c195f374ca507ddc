"""What a model file is, by its name and its first bytes: nothing in it is run, and no torch is needed."""

from __future__ import annotations

import zipfile
from pathlib import Path

FORMS = {
    "exported": "a program of torch.export",
    "torchscript": "TorchScript",
    "pickle": "what torch.save wrote",
    "safetensors": "a file of weights",
    "onnx": "an ONNX file",
    "huggingface": "a Hugging Face folder",
    "timm": "a timm model",
    "sklearn": "a pickled estimator",
    "tflite": "a TFLite file",
    "callable": "a function of a batch",
    "item": "a function of one input",
    "command": "a program",
    "http": "the address of a service",
}
"""How a model is handed over: the name of the form, and what it is in words."""

SUFFIXES = {
    ".pt2": "exported", ".onnx": "onnx", ".safetensors": "safetensors", ".tflite": "tflite", ".pkl": "sklearn",
    ".pickle": "sklearn", ".joblib": "sklearn", ".pt": "pickle", ".pth": "pickle", ".ckpt": "pickle", ".ts": "pickle",
    ".jit": "pickle",
}  # fmt: skip
TORCH_SUFFIXES = (".pt", ".pth", ".ckpt", ".ts", ".jit", ".pt2")
"""Which of torch's ways of writing was taken, the name does not tell."""


def form_of(typed: str, path: Path) -> str:
    """The form in which what was typed is handed over; "" where it is no model file. path: the same, made whole."""
    if typed.startswith(("http://", "https://")):
        return "http"
    if path.is_dir():
        return "huggingface" if (path / "config.json").is_file() else ""
    suffix = path.suffix.lower()
    if suffix in TORCH_SUFFIXES and path.is_file():
        return torch_form(path) or SUFFIXES[suffix]
    return SUFFIXES.get(suffix, "")


def torch_form(path: Path) -> str:
    """ "torchscript", "exported" or "pickle" (what torch.save writes); "" for what is none of them."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.partition("/")[2] for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile):
        try:
            with path.open("rb") as file:  # before version 1.6 torch.save wrote a bare pickle
                return "pickle" if file.read(1) == b"\x80" else ""
        except OSError:
            return ""
    if "constants.pkl" in names and any(name.startswith("code/") for name in names):
        return "torchscript"
    if any(name == "archive_format" or name.startswith("models/") for name in names):
        return "exported"
    return "pickle" if "data.pkl" in names else ""
