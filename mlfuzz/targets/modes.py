"""A module on its device and in its mode, or as it came where it refuses."""

from __future__ import annotations

import torch
from torch import nn

from mlfuzz.errors import TargetLoadError

CHANGING = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)
"""Modules that behave otherwise in training mode."""

SCRIPTED = frozenset(kind.__name__ for base in CHANGING for kind in base.__subclasses__())
"""Names of the same, as TorchScript keeps them."""


def changing(model: nn.Module) -> list[str]:
    """Names of the modules that are in training mode and behave otherwise there."""
    return [
        name
        for name, module in model.named_modules()
        if getattr(module, "training", False)  # a frozen TorchScript module has no mode
        and (isinstance(module, CHANGING) or getattr(module, "original_name", "") in SCRIPTED)
    ]


def evaluated(model: nn.Module) -> bool:
    """Put it in evaluation mode; False where it or a part of it refuses, as exported programs do: theirs is fixed."""
    try:
        model.eval()
    except Exception:  # noqa: BLE001  modules of others refuse in their own ways
        for part in model.children():  # those behind the one that refused have not been reached
            evaluated(part)
        return False
    return True


def placed(model: nn.Module, device: torch.device) -> nn.Module:
    """The module on that device. One that refuses to be moved (quantised, offloaded) is taken where it is there now.

    Raises TargetLoadError where it is not, and RuntimeError or AssertionError for a device that cannot be used.
    """
    try:
        return model.to(device)
    except (ValueError, NotImplementedError, TypeError) as error:
        if all(tensor.device.type == device.type for tensor in (*model.parameters(), *model.buffers())):
            return model
        raise TargetLoadError(
            f"the model cannot be moved to {device} ({type(error).__name__}: {error}); make it there, and hand it over "
            f'with device="{device}"'
        ) from error
