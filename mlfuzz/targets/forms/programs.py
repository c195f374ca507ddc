"""Programs that torch wrote down: exported ones (`.pt2`) and TorchScript (`.pt`)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mlfuzz.errors import TargetLoadError
from mlfuzz.modality.base import Modality
from mlfuzz.model_files import torch_form
from mlfuzz.targets.forms.files import present
from mlfuzz.targets.module import ModuleTarget


def exported(name: str, modality: Modality, path: str | Path, **options: Any) -> ModuleTarget:
    """A target of what `torch.export.save` wrote; options: as of `ModuleTarget`.

    A program that was traced with one size of batch is always called with that. Raises TargetLoadError.
    """
    path = present(path, "exported program")
    try:
        program = torch.export.load(path)
    except Exception as error:
        raise _unread(path, "no program that this torch can load", error, _other(path)) from error
    return ModuleTarget(name, modality, program.module(), **options)


def torchscript(name: str, modality: Modality, path: str | Path, **options: Any) -> ModuleTarget:
    """A target of what `torch.jit.save` wrote; options: as of `ModuleTarget`. Raises TargetLoadError."""
    path = present(path, "TorchScript")
    if torch_form(path) != "torchscript":  # torch.jit.load would take other files for archives of its own
        raise _unread(path, "no TorchScript", None, _other(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that TorchScript goes is no news of this file
            model: nn.Module = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    except Exception as error:
        raise _unread(path, "no TorchScript that this torch can load", error, _other(path)) from error
    return ModuleTarget(name, modality, model, **options)


def _other(path: Path) -> str:
    """What to write for what the file is instead."""
    return {
        "torchscript": "it is TorchScript: mlfuzz.forms.torchscript(...)",
        "exported": "it is an exported program: mlfuzz.forms.exported(...)",
        "pickle": "it holds what torch.save wrote, a pickle of weights or of a module: make the model in Python, "
        "model.load_state_dict(torch.load(path, weights_only=True)), and hand it over as mlfuzz.ModuleTarget",
    }.get(torch_form(path), "write it again with the torch that is installed here")


def _unread(path: Path, what: str, error: Exception | None, advice: str) -> TargetLoadError:
    said = str(error or "").strip().splitlines()
    reason = f" ({type(error).__name__}: {said[0][:200] if said else 'no message'})" if error is not None else ""
    return TargetLoadError(f"{path} is {what}{reason}; {advice}")
