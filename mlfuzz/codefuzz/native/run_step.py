"""A step of a build: one command, its output line by line, its failure with what it said last."""

from __future__ import annotations

import os
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mlfuzz.errors import TargetError

OnLine = Callable[[str], None]
SAID_LAST = 12
"""Lines of a failed command that its error repeats."""


def run(command: Sequence[str], directory: Path, variables: Mapping[str, str], on_line: OnLine) -> None:
    """Run a command to its end. variables: added to the environment. Raises TargetError where it fails."""
    last: deque[str] = deque(maxlen=SAID_LAST)
    try:
        process = subprocess.Popen(
            command, cwd=directory, env={**os.environ, **variables}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
    except OSError as error:
        raise TargetError(f"{command[0]} does not start: {error.strerror}") from error
    with process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                last.append(line.rstrip())
                on_line(line.rstrip())
        except BaseException:
            process.kill()  # whoever has asked for the end does not wait for a compiler
            raise
    if process.returncode:
        output = "\n".join(last)
        raise TargetError(f"{Path(command[0]).name} {command[1] if len(command) > 1 else ''} failed:\n{output}")
