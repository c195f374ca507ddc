"""A module on its device and in its mode, or as it came where it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from mlfuzz.errors import TargetLoadError

CHANGING = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)
"""Modules that behave otherwise in training mode."""

SCRIPTED = frozenset(kind.__name__ for base in CHANGING for kind in base.__subclasses__())
"""Names of the same, as TorchScript keeps them."""


class Modes:
    """A module in evaluation mode while it runs, and in the modes that it was handed over in else.

    train_mode: it is left as it is. `fixed`: it, or a part of it, refuses another mode. A module that does more in
    `train` or `eval` than to note the mode (it merges weights, say) is put in evaluation mode once, and stays there.
    """

    def __init__(self, model: nn.Module, *, train_mode: bool) -> None:
        self.was_training = bool(changing(model))
        before = [] if train_mode else [part for part in model.modules() if getattr(part, "training", False)]
        self.fixed = not train_mode and not evaluated(model)
        turned = [part for part in before if not part.training]
        self._turned = [] if any(map(_does_more, turned)) else turned
        self._inside = 0
        self._note(True)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Inside it the module evaluates, until the outermost of several is left."""
        self._inside += 1
        self._note(False)
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._note(True)

    def _note(self, training: bool) -> None:
        for part in self._turned:
            part.training = training


def _does_more(module: nn.Module) -> bool:
    kind = type(module)
    own = kind.train is not nn.Module.train or kind.eval is not nn.Module.eval
    return own and not isinstance(module, torch.jit.ScriptModule)


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


def home(model: nn.Module) -> torch.device:
    """Where it is: on the device of its first weight."""
    first = next(iter((*model.parameters(), *model.buffers())), None)
    return torch.device("cpu") if first is None or first.is_meta else first.device


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
