"""docs/robustness.md: its commands are understood, and its Python runs and holds."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mlfuzz.campaign.least_strength import LEVELS, RUNGS
from mlfuzz.cli.application import application
from mlfuzz.cli.verbs.compare import ROBUSTNESS_SEEDS

TEXT = (Path(__file__).parents[2] / "docs" / "robustness.md").read_text()


def block(language: str) -> str:
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL))


COMMANDS = re.findall(r"^\$ mlfuzz (.*)$", block("console"), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_are_understood(command):
    _, bound, _ = application().parse_args(shlex.split(command), exit_on_error=False, print_error=False)
    assert bound is not None


@pytest.mark.slow
@pytest.mark.parametrize("words", [COMMANDS[1], f"{COMMANDS[2]} --robustness-seeds 10"])
def test_its_commands_run(command, tmp_path, words):
    ran = command("-C", tmp_path, *shlex.split(words))
    assert ran.code == 0, ran.err
    assert "robustness" in ran.out


@pytest.mark.slow
def test_its_python_runs_and_holds():
    exec(compile(block("python"), "docs/robustness.md", "exec"), {})


def test_the_numbers_it_names_are_those_of_the_code():
    assert [level / LEVELS for level in RUNGS] == [0.25, 0.5, 0.75, 1]
    assert f"1/{LEVELS} in at most eight runs" in TEXT
    assert f"{ROBUSTNESS_SEEDS} seeds unless" in TEXT
