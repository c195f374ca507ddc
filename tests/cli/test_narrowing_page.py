"""docs/narrowing.md: its commands are understood, and its configuration is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "narrowing.md").read_text()
COMMANDS = [line[2:].partition("#")[0].strip() for line in re.findall(r"^\$ .*", TEXT, re.MULTILINE)]
TABLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_works(command, tmp_path, words):
    ran = command("-C", tmp_path, *shlex.split(words)[1:])
    assert ran.code == 0, ran.err


def test_the_configuration_is_taken(command, tmp_path):
    (tmp_path / "mlfuzz.toml").write_text("\n".join(TABLES))
    ran = command("-C", tmp_path, "--json", "preview", "digits", "--max-seeds", "1", "--output", tmp_path / "p.html")
    assert ran.code == 0, ran.err
    page = (tmp_path / "p.html").read_text()
    assert "rotate -10 degrees" in page
    assert "rotate 30 degrees" not in page
