"""Packages that a form of target needs, imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import Any

from mlfuzz.errors import TargetLoadError


def needed(module: str, *, extra: str, form: str) -> Any:
    """The module. Raises TargetLoadError with what to install where it is not there, or does not import."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name not in (package, module):
            raise _broken(module, form, error) from error
        raise TargetLoadError(
            f"{form} needs {package}, which is not installed: pip install 'mlfuzz[{extra}]'"
        ) from None
    except Exception as error:
        raise _broken(module, form, error) from error


def _broken(module: str, form: str, error: Exception) -> TargetLoadError:
    return TargetLoadError(
        f"{form} needs {module}, which does not import: {type(error).__name__}: {error}; see why: "
        f"python -c 'import {module}'"
    )
