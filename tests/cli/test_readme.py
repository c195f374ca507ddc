"""The first page: its commands are understood, its configuration is read, its table names every verb."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mlfuzz.cli.application import VERBS, application
from mlfuzz.config import resolve

TEXT = (Path(__file__).parents[2] / "README.md").read_text()


def blocks(language: str) -> str:
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL))


COMMANDS = re.findall(r"^\$ mlfuzz (.*?)(?:\s+#.*)?$", blocks("console"), re.MULTILINE)


def test_there_are_commands_to_try():
    assert len(COMMANDS) >= 4


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_is_understood(command):
    _, bound, _ = application().parse_args(shlex.split(command), exit_on_error=False, print_error=False)
    assert bound is not None


def test_the_configuration_of_the_readme_is_read(tmp_path):
    (tmp_path / "pyproject.toml").write_text(blocks("toml"))
    config = resolve(tmp_path, environment={}).config
    assert config.targets["digits"].use == "zoo.digits:make"
    assert config.fuzz.fail_on == "new"


def test_the_python_of_the_readme_compiles_and_names_what_there_is():
    import mlfuzz

    source = blocks("python")
    compile(source, "README.md", "exec")
    for name in re.findall(r"mlfuzz\.([A-Z]\w+)", source):
        assert name in dir(mlfuzz)


def test_the_table_of_verbs_is_complete():
    table = TEXT.partition("## Commands")[2].partition("## Words")[0]
    for verbs in VERBS.values():
        for verb in verbs:
            assert f"`{verb}" in table
