"""From "module:attribute" to a target."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from mlfuzz.errors import ConfigError, MlfuzzError, TargetLoadError, suggestion
from mlfuzz.targets.modes import placed
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.tasks.declared import BETWEEN, bare, declarations
from mlfuzz.tasks.table import task_of

EXAMPLES = "mlfuzz.examples"


def load(name: str, *, directory: Path | None = None, device: str | None = None) -> ModuleTarget:
    """The target that `module:attribute` names: a target, or a function without arguments that gives one.

    directory: put on the import path first (the project's own). device: moves the target there; "auto": to the GPU
    where there is one.
    Raises TargetLoadError: what does not import, which attribute is missing, or what it is instead of a target.
    """
    given, name = declarations(name), bare(name)
    target = load_attribute(name, directory=directory)
    attribute = name.partition(":")[2]
    if not hasattr(target, "run") and callable(target) and not _is_module(target):
        try:
            target = target()
        except MlfuzzError:
            raise
        except Exception as error:
            raise TargetLoadError(f"target {name}: {attribute}() raised {_message(error)}") from error
        except SystemExit as end:
            raise TargetLoadError(f"target {name}: {attribute}() ended the program ({_message(end)})") from end
    missing = [part for part in ("name", "modality", "run", "digest") if not hasattr(target, part)]
    if missing:
        hint = "; wrap it: mlfuzz.ModuleTarget(name, mlfuzz.Image(size=...), model)" if _is_module(target) else ""
        raise TargetLoadError(f"target {name}: {type(target).__name__} is no target{hint}")
    if device is not None and hasattr(target, "model"):
        _move(target, device)
    if given:
        _declare(target, given)
    return cast(ModuleTarget, target)


def _declare(target: Any, given: Mapping[str, str]) -> None:
    """What a configuration says of its answers, in place of what the target says. Raises UsageError."""
    if not hasattr(target, "answers"):
        raise ConfigError(f"target {target.name} reads its answers itself: task and output are not for it")
    if labels := given.get("labels"):
        target.labels = target.labels or tuple(labels.split(BETWEEN))
    output = given.get("output") or target.output
    task = task_of(given.get("task")) or target.answers.declared
    target.declare(output=output, task=task)


def _move(target: Any, device: str) -> None:
    """To the device. Raises ConfigError for one that torch does not know, or that is not here."""
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else str(target.device)
    try:
        target.device = torch.device(device)
        target.model = placed(target.model, target.device)
    except torch.OutOfMemoryError as error:
        raise TargetLoadError(f"target {target.name} has no room on {device}: {_message(error)}") from error
    except (AssertionError, RuntimeError) as error:  # AssertionError: a torch that was built without that device
        message = " ".join(str(error).split(". ")[0].splitlines()[:1])
        raise ConfigError(f"device {device!r} cannot be used: {message}; mlfuzz doctor shows what there is") from error


def load_attribute(name: str, *, directory: Path | None = None) -> Any:
    """What `module:attribute` names, as it is. Raises TargetLoadError."""
    module_name, colon, attribute = name.partition(":")
    if not colon or not attribute or not module_name:
        raise TargetLoadError(
            f"{name!r} names no target; write module:attribute, for instance mlfuzz.examples.digits:robust"
        )
    if directory is not None and str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
    try:
        module = importlib.import_module(_whole(module_name))
    except Exception as error:
        raise TargetLoadError(f"target {name}: {module_name} does not import: {_message(error)}") from error
    except SystemExit as end:
        raise TargetLoadError(
            f"target {name}: {module_name} ends the program where it is imported ({_message(end)}); put what it does "
            'as a program under: if __name__ == "__main__":'
        ) from end
    if not hasattr(module, attribute):
        known = [key for key in vars(module) if not key.startswith("_")]
        raise TargetLoadError(f"target {name}: {module_name} has no {attribute!r}{suggestion(attribute, known)}")
    return getattr(module, attribute)


def _whole(module: str) -> str:
    """A shipped example goes by its short name, "digits", wherever no module of the user's has that name."""
    if "." in module or module in sys.modules or importlib.util.find_spec(module) is not None:
        return module
    shipped = f"{EXAMPLES}.{module}"
    return shipped if importlib.util.find_spec(shipped) is not None else module


def _is_module(part: Any) -> bool:
    from torch import nn

    return isinstance(part, nn.Module) or (isinstance(part, type) and issubclass(part, nn.Module))


def _message(error: BaseException) -> str:
    text = str(error).strip() or "no message"
    return f"{type(error).__name__}: {text.splitlines()[0][:300]}"
