"""`mlfuzz completion SHELL`: what a shell completes verbs and options by."""

from __future__ import annotations

import sys
from typing import Literal

from mlfuzz.cli.resolve.context import Here
from mlfuzz.errors import EXIT_CLEAN


def completion(shell: Literal["bash", "zsh", "fish"], /, *, context: Here) -> int:
    """Print a script that completes verbs and options; made of them, so make it again after an upgrade.

    bash: eval "$(mlfuzz completion bash)" in ~/.bashrc. zsh: mlfuzz completion zsh > a file _mlfuzz in a folder of
    $fpath. fish: mlfuzz completion fish > ~/.config/fish/completions/mlfuzz.fish.

    Args:
        shell: Whose.
    """
    from mlfuzz.cli.application import application

    script = application().generate_completion(shell=shell)
    context.terminal.emit({"shell": shell, "script": script})
    if not context.terminal.json:
        sys.stdout.write(script)
    return EXIT_CLEAN
