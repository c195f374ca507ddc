#!/usr/bin/env python3
"""A YAML file -> a schedule of augmentations: what a training service is configured with.

Documented (PyYAML's documentation, "Exceptions"): YAMLError for all that is wrong with a document; Refused is what the
service itself does not take.
"""

import contextlib
import importlib
import importlib.util
import sys
from typing import Any

HARNESS = {
    "name": "config_yaml",
    "about": "a YAML file -> a schedule of augmentations",
    "instrument": ["yaml"],
    "preload": ["yaml", "yaml.loader", "yaml.constructor"],
    "seeds": "corpus/seeds/code/config_yaml",
    "dictionary": "corpus/seeds/code/config_yaml.dict",
    "allowed": ["yaml.YAMLError", "Refused"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 1024,
}

if importlib.util.find_spec("yaml") is None:
    raise ImportError("config_yaml needs PyYAML: pip install 'mlfuzz[harnesses]'")

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

import yaml

OPERATORS = {"crop": (0.0, 1.0), "noise": (0.0, 1.0), "rotate": (-180.0, 180.0), "scale": (0.1, 10.0)}


class Refused(Exception):
    """A configuration that the service does not take."""


def step_of(entry: Any) -> tuple[str, float]:
    """{"rotate": 10} -> ("rotate", 10.0)."""
    if not isinstance(entry, dict) or len(entry) != 1:
        raise Refused("a step has one operator")
    ((name, strength),) = entry.items()
    if not isinstance(name, str) or name not in OPERATORS:
        raise Refused(f"an operator is one of {sorted(OPERATORS)}")
    low, high = OPERATORS[name]
    if isinstance(strength, bool) or not isinstance(strength, int | float) or not low <= strength <= high:
        raise Refused(f"{name} goes from {low} to {high}")
    return name, float(strength)


def fuzz(data: bytes) -> None:
    document = yaml.safe_load(data)
    steps = document.get("augment") if isinstance(document, dict) else None
    if not isinstance(steps, list):
        raise Refused("augment is a list of steps")
    for name, strength in map(step_of, steps):
        assert OPERATORS[name][0] <= strength <= OPERATORS[name][1], f"{name} of {strength}"


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(yaml.YAMLError, Refused):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
