#!/usr/bin/env python3
"""A TOML file -> hyper-parameters of a training run.

Documented (reference of tomllib): TOMLDecodeError for what is no TOML, UnicodeDecodeError for what is no UTF-8;
Refused is what the training script itself does not take.
"""

import contextlib
import importlib
import sys
from dataclasses import dataclass
from typing import Any

HARNESS = {
    "name": "config_toml",
    "about": "a TOML file -> hyper-parameters",
    "instrument": ["tomllib"],
    "preload": ["tomllib"],
    "seeds": "corpus/seeds/code/config_toml",
    "dictionary": "corpus/seeds/code/config_toml.dict",
    "allowed": ["tomllib.TOMLDecodeError", "UnicodeDecodeError", "Refused"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 1024,
}

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

import tomllib

OPTIMISERS = ("sgd", "adam", "adamw")


class Refused(Exception):
    """A configuration that the training script does not take."""


@dataclass(frozen=True)
class HyperParameters:
    """rate: of learning, above 0, at most 10. milestones: epochs, ascending. layers: units, 1 to 4096 each."""

    rate: float
    epochs: int
    optimiser: str = "adam"
    milestones: tuple[int, ...] = ()
    layers: tuple[int, ...] = (64,)


def number(table: dict[str, Any], key: str, low: float, high: float, default: float) -> float:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Refused(f"{key} is a number from {low} to {high}")
    return value


def whole(values: Any, key: str, low: int, high: int) -> tuple[int, ...]:
    if not isinstance(values, list) or not all(type(value) is int and low <= value <= high for value in values):
        raise Refused(f"{key} is a list of whole numbers from {low} to {high}")
    return tuple(values)


def hyper_parameters(tables: dict[str, Any]) -> HyperParameters:
    train, model = tables.get("train", {}), tables.get("model", {})
    if not isinstance(train, dict) or not isinstance(model, dict):
        raise Refused("train and model are tables")
    if train.get("optimiser", "adam") not in OPTIMISERS:
        raise Refused(f"optimiser is one of {OPTIMISERS}")
    return HyperParameters(
        number(train, "rate", 1e-9, 10.0, 0.001),
        int(number(train, "epochs", 1, 1e6, 1)),
        train.get("optimiser", "adam"),
        tuple(sorted(whole(train.get("milestones", []), "milestones", 0, 10**6))),
        whole(model.get("layers", [64]), "layers", 1, 4096),
    )


def fuzz(data: bytes) -> None:
    taken = hyper_parameters(tomllib.loads(data.decode()))
    assert 0 < taken.rate <= 10, f"rate {taken.rate}"
    assert taken.epochs >= 1, f"{taken.epochs} epochs"


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(tomllib.TOMLDecodeError, UnicodeDecodeError, Refused):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
