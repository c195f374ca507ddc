"""mlfuzz: a fuzzing engine for machine-learning systems, the model and the code around it."""

from __future__ import annotations

TYPE_CHECKING = False  # of typing: whoever begins with the command is to be heard before that is imported
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Budget": "mlfuzz.budget",
    "CallableTarget": "mlfuzz.targets.callable",
    "Campaign": "mlfuzz.campaign.worker.campaign",
    "ModuleTarget": "mlfuzz.targets.module",
    "per_item": "mlfuzz.targets.callable",
    "mutator": "mlfuzz.mutators.base",
    "Audio": "mlfuzz.modality.audio",
    "Image": "mlfuzz.modality.image",
    "MlfuzzError": "mlfuzz.errors",
    "Text": "mlfuzz.modality.text",
    "forms": "mlfuzz.targets.forms",
}
_PACKAGES = ("forms",)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        import importlib

        if name in _PACKAGES:
            return importlib.import_module(_PUBLIC[name])
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'mlfuzz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
