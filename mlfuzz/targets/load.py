"""From "module:attribute" to a target."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from mlfuzz.errors import ConfigError, MlfuzzError, TargetLoadError, suggestion
from mlfuzz.targets.find import module_of
from mlfuzz.targets.modes import placed
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.targets.surroundings import importing
from mlfuzz.tasks.declared import BETWEEN, FASTER, bare, declarations
from mlfuzz.tasks.table import task_of

BLACK_BOX = (
    "is a function: how it runs its model is written there (with torch.autocast(...): ...), or hand the module itself "
    "over as mlfuzz.ModuleTarget"
)
BLACK_BOXES = {
    "onnx_graphs": "is an ONNX graph: its precision is that of the file, and providers= says what runs it",
    "tflite_graphs": "is a TFLite graph: its precision is that of the file",
    "commands": "is a program, which runs its model as it likes",
    "services": "is a service, which runs its model as it likes",
    "estimators": "is a scikit-learn estimator, which does not run in torch",
}
"""By the module that calls it."""


def load(name: str, *, directory: Path | None = None, device: str | None = None) -> ModuleTarget:
    """The target that `module:attribute` names: a target, or a function without arguments that gives one.

    directory: put on the import path first (the project's own). device: moves the target there; "auto": to the GPU
    where there is one.
    Raises TargetLoadError: what does not import, which attribute is missing, or what it is instead of a target.
    """
    given, name = declarations(name), bare(name)
    with importing(name) as found:
        target = _attribute_of(name, directory)
        attribute = _split(name)[1]
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
    with suppress(AttributeError, TypeError):  # one of another's making may have no room for it
        target.surroundings = found
    if device is not None and hasattr(target, "model"):
        _move(target, device)
    if given:
        _declare(target, given)
    return cast(ModuleTarget, target)


def _declare(target: Any, given: Mapping[str, str]) -> None:
    """What a configuration says of its answers and of how it is run, in place of what the target says.

    Raises ConfigError.
    """
    if faster := [key for key in FASTER if key in given]:
        if not isinstance(target, ModuleTarget):
            raise ConfigError(f"target {target.name} {_black_box(target)}; leave {' and '.join(faster)} out")
        target.accelerate(target.accelerator.options.with_declared(given))
    if not hasattr(target, "answers"):
        raise ConfigError(f"target {target.name} reads its answers itself: task and output are not for it")
    if labels := given.get("labels"):
        target.labels = target.labels or tuple(labels.split(BETWEEN))
    output = given.get("output") or target.output
    task = task_of(given.get("task")) or target.answers.declared
    target.declare(output=output, task=task)


def _black_box(target: Any) -> str:
    """What a target without a module is, and where its speed is decided."""
    form = type(getattr(target, "function", None)).__module__.rpartition(".")[2]
    return BLACK_BOXES.get(form, BLACK_BOX)


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
    """What `module:attribute` or `file.py:attribute` names, as it is. Raises TargetLoadError."""
    with importing(name):
        return _attribute_of(name, directory)


def _attribute_of(name: str, directory: Path | None) -> Any:
    module_name, attribute = _split(name)
    if not attribute or not module_name:
        raise TargetLoadError(
            f"{name!r} names no target; write module:attribute, for instance mlfuzz.examples.digits:robust"
        )
    try:
        module = module_of(module_name, directory)
    except TargetLoadError:
        raise
    except Exception as error:
        why = f"{_message(error)}{_where(error, module_name)}"
        raise TargetLoadError(f"target {name}: {module_name} does not import: {why}") from error
    except SystemExit as end:
        raise TargetLoadError(
            f"target {name}: {module_name} ends the program where it is imported ({_message(end)}); put what it does "
            'as a program under: if __name__ == "__main__":'
        ) from end
    if not hasattr(module, attribute):
        known = [key for key in vars(module) if not key.startswith("_")]
        raise TargetLoadError(f"target {name}: {module_name} has no {attribute!r}{suggestion(attribute, known)}")
    return getattr(module, attribute)


def _split(name: str) -> tuple[str, str]:
    module, _, attribute = name.rpartition(":")
    return module, attribute


def _where(error: Exception, module: str) -> str:
    """Of a module that is not there: where it was looked for."""
    if isinstance(error, ModuleNotFoundError) and error.name and f"{module}.".startswith(f"{error.name}."):
        return "; it is looked for in the project's folder, in src, and where pyproject.toml says (pytest's pythonpath)"
    return ""


def _is_module(part: Any) -> bool:
    from torch import nn

    return isinstance(part, nn.Module) or (isinstance(part, type) and issubclass(part, nn.Module))


def _message(error: BaseException) -> str:
    text = str(error).strip() or "no message"
    return f"{type(error).__name__}: {text.splitlines()[0][:300]}"
