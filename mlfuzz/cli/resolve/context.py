"""What every verb gets: the folder it works in, its configuration, and the terminal."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import Parameter

from mlfuzz.campaign import presets
from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.config import Resolved, resolve
from mlfuzz.errors import StorageError
from mlfuzz.findings.trust import Trust, note_begun
from mlfuzz.registry import offer_plugins


@dataclass(frozen=True, slots=True)
class Context:
    """Of one command. directory: the one given by -C; relative paths on the command line start there."""

    directory: Path
    terminal: Terminal
    config_file: Path | None = None
    seed: int | None = None

    def resolve(self, flags: Mapping[str, Any] | None = None, *, frozen: str | None = None) -> Resolved:
        """The configuration; flags that are None were not given. Raises ConfigError."""
        given = _given({"seed": self.seed, **(flags or {})})
        found = resolve(self.directory, file=self.config_file, flags=given, frozen=frozen, presets=presets.settings)
        offer_plugins(found.config.plugins, found.root)
        return found

    def note_begun(self, root: Path, names: Iterable[str]) -> None:
        """Remember that this user runs these in the project at `root`: records that name them may be run again."""
        try:
            note_begun(root, names)
        except StorageError as error:
            self.terminal.warn(f"not noted that this was begun here ({error}): to replay will take a --target")

    def path(self, text: str) -> Path:
        """What a person typed, seen from where the command was given."""
        return self.directory / os.path.expanduser(text)


def surroundings(
    found: Resolved, *, trust: Sequence[str] = (), again: str = "", option: str = "--target"
) -> dict[str, Any]:
    """In what findings are run again here: arguments that `mlfuzz.replay` takes.

    trust: names that this command may import. again, option: what a refusal offers, see `Trust`.
    """
    settings = {"device": found.config.fuzz.device, "plugins": found.config.plugins}
    held = Trust.of(found, given=trust, again=again, option=option)
    return {"directory": found.root, "trust": held, **settings}


Here: TypeAlias = Annotated[Context, Parameter(parse=False)]
"""A verb's parameter `context`: filled in by `application`, never by the command line."""

Trusted: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(
        name="--trust",
        negative="",
        consume_multiple=False,
        help="Import what records name so, a module or module:attribute, in this one run; may be given several times.",
    ),
]
"""A verb's parameter `trust`: the same words everywhere."""


def _given(flags: Mapping[str, Any]) -> dict[str, Any]:
    nested = {key: _given(value) if isinstance(value, Mapping) else value for key, value in flags.items()}
    return {key: value for key, value in nested.items() if value is not None and value not in ({}, [], ())}
