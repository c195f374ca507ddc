"""The command, run in this process; and a project with a campaign that has ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import specimen

from mlfuzz.cli.main import main


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run `mlfuzz ARGUMENTS...`."""
    for name in ("NO_COLOR", "FORCE_COLOR", "MLFUZZ_SEED", "MLFUZZ_FUZZ_TIME"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with one campaign, digits-fragile. Not to be written to."""
    root = tmp_path_factory.mktemp("project")
    specimen.build(root / ".mlfuzz")
    return root
