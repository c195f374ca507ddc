#!/usr/bin/env python3
"""A project's file, variables and options -> mlfuzz's configuration, frozen with a campaign and thawed again.

Documented: ConfigError (mlfuzz.config). What was taken is the same after it was frozen. After a first byte "=" come
lines NAME=VALUE, as the environment and the command line have them; anything else is the text of a file.
"""

import contextlib
import importlib
import sys
from pathlib import Path

HARNESS = {
    "name": "config_mlfuzz",
    "about": "TOML, variables, options -> configuration -> frozen -> the same",
    "instrument": ["mlfuzz.config", "mlfuzz.budget", "mlfuzz.decoding", "tomllib"],
    "preload": ["mlfuzz.config", "mlfuzz.config.resolve", "mlfuzz.budget", "tomllib"],
    "seeds": "corpus/seeds/code/config_mlfuzz",
    "dictionary": "corpus/seeds/code/config_mlfuzz.dict",
    "allowed": ["mlfuzz.errors.ConfigError"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 2048,
}

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

from mlfuzz.config import Config, freeze, thaw
from mlfuzz.config.resolve import resolve
from mlfuzz.errors import ConfigError

NOWHERE = Path("/nowhere/at/all")


def from_lines(content: bytes) -> Config:
    """FUZZ_TIME=30s as a variable and as an option."""
    lines = [line.partition("=") for line in content.decode("utf-8", "surrogateescape").split("\n")]
    environment = {f"MLFUZZ_{name}": value for name, _, value in lines}
    flags = {name.partition("_")[2].lower().replace("_", "-"): value for name, _, value in lines if "_" in name}
    resolve(NOWHERE, environment=environment)
    return resolve(NOWHERE, flags={"fuzz": flags}, environment={}).config


def fuzz(data: bytes) -> None:
    lines = data.startswith(b"=")
    config = from_lines(data[1:]) if lines else thaw(data.decode("utf-8", "replace"), "mlfuzz.toml")
    text = freeze(config)
    again = thaw(text)
    assert repr(again) == repr(config), "frozen and thawed it differs"  # by its text: a NaN equals nothing
    assert freeze(again) == text, "frozen again it differs"


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(ConfigError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
