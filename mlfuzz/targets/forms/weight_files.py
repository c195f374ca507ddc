"""Weights in a file of their own, put into a module that Python makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from mlfuzz.errors import TargetLoadError
from mlfuzz.modality.base import Modality
from mlfuzz.targets.forms.files import present
from mlfuzz.targets.forms.packages import needed
from mlfuzz.targets.module import ModuleTarget

SHOWN = 3
"""Names of weights that a message tells of each kind."""


def safetensors(name: str, modality: Modality, path: str | Path, model: nn.Module, **options: Any) -> ModuleTarget:
    """A target of a module with the weights of a `.safetensors` file; options: as of `ModuleTarget`.

    Raises TargetLoadError where the file is none, or its weights are not those of the module.
    """
    return ModuleTarget(name, modality, filled(model, present(path, "safetensors")), **options)


def timm(
    name: str, modality: Modality, architecture: str, weights: str | Path | None = None, **options: Any
) -> ModuleTarget:
    """A target of a timm model by its name, with the weights of a `.safetensors` file; nothing is downloaded.

    Images come in [0, 1] and are put on the model's own mean and deviation, unless `preprocess` is given.
    options: `num_classes` and the like go to timm as `create={...}`; the rest as of `ModuleTarget`.
    """
    package = needed("timm", extra="timm", form="timm")
    model: nn.Module = package.create_model(architecture, pretrained=False, **options.pop("create", {}))
    if weights is not None:
        model = filled(model, present(weights, "timm"))
    if "preprocess" not in options:
        configured = package.data.resolve_model_data_config(model)
        options["preprocess"] = Normalised(configured["mean"], configured["std"])
    return ModuleTarget(name, modality, model, **options)


def filled(model: nn.Module, path: Path) -> nn.Module:
    """The module with the weights of that file in place of its own. Raises TargetLoadError."""
    from safetensors.torch import load_file

    if not isinstance(model, nn.Module):
        raise TargetLoadError(f"{path} holds weights alone; hand over the module they belong to: model=Net()")
    try:
        weights = load_file(path)
    except Exception as error:
        raise TargetLoadError(f"{path} is no safetensors file ({type(error).__name__}: {error})") from error
    try:
        missing, unknown = model.load_state_dict(weights, strict=False)
    except RuntimeError as error:  # the shapes differ
        raise TargetLoadError(f"{path} does not fit {type(model).__name__}: {_line(error)}") from error
    if missing or unknown:
        parts = [f"{word} {', '.join(keys[:SHOWN])}{', ...' if len(keys) > SHOWN else ''}"
                 for word, keys in (("without", missing), ("with unknown", unknown)) if keys]  # fmt: skip
        raise TargetLoadError(
            f"{path} does not fit {type(model).__name__}: it comes {' and '.join(parts)}; hand over the module that it "
            "was saved from, or rename the keys: model.load_state_dict(...) and mlfuzz.ModuleTarget"
        )
    return model


class Normalised:
    """Preprocessing: (x - mean) / deviation, a channel each. x: (B, C, H, W) in [0, 1]."""

    def __init__(self, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        self.mean, self.deviation = tuple(mean), tuple(deviation)

    def __call__(self, x: Any) -> Any:
        mean, deviation = (x.new_tensor(part)[:, None, None] for part in (self.mean, self.deviation))
        return (x - mean) / deviation


def _line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[1] if len(lines) > 1 else lines[0]
