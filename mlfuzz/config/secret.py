"""Secrets, which stand in the environment alone: never in a file, a digest or a message of mlfuzz."""

from __future__ import annotations

import os

from mlfuzz.errors import ConfigError


def secret(name: str) -> str:
    """The value of that variable. Raises ConfigError where it is not set."""
    value = os.environ.get(name, "")
    if not value:
        raise ConfigError(f"the environment has no {name}, which the target names for its access: export {name}=...")
    return value
