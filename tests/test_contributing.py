"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the tree."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlfuzz.cli.application import application

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
BLOCKS = re.findall(r"```python\n# (\S+?)(?:, in (\w+))?\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = re.findall(r"^\$ (.*?)(?:\s+#.*)?$", "\n".join(re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)), re.M)
TESTS = [command.removeprefix("scripts/test ") for command in COMMANDS if command.startswith("scripts/test tests/")]
FUZZED = [command.removeprefix("mlfuzz ") for command in COMMANDS if command.startswith("mlfuzz fuzz")]


def test_there_is_a_recipe_for_each_kind_of_part():
    heads = re.findall(r"^### An? ([\w ]+):", TEXT, re.MULTILINE)
    assert heads == ["mutator", "oracle", "coverage criterion", "scheduler", "harness", "modality"]
    assert len(BLOCKS) == 5
    assert len(FUZZED) == 4


def test_its_commands_are_understood():
    for command in COMMANDS:
        if command.startswith("mlfuzz "):
            words = shlex.split(command.removeprefix("mlfuzz "))
            assert application().parse_args(words, exit_on_error=False, print_error=False)


def test_the_files_it_names_are_there():
    for path in re.findall(r"`((?:mlfuzz|tests|docs|scripts)/[\w./-]+)`", TEXT):
        assert (ROOT / path).exists(), path


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy with every block put where it says."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("mlfuzz", "tests", "corpus"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for path, inside, code in BLOCKS:
        text = (folder / path).read_text()
        if inside:
            text = re.sub(rf"(^{inside}\b.*?\{{\n)", lambda match, code=code: match.group(1) + code, text, flags=re.M)
        else:
            text += "\n\n" + code
        (folder / path).write_text(text)
    return folder


def run(tree, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=tree, env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.mark.slow
@pytest.mark.turns(2)
def test_what_the_recipes_add_keeps_the_laws(tree):
    """Their own commands, in one process."""
    named = [line.split(" -k ") for line in TESTS if " -k " in line]
    paths, names = [path for path, _ in named], [name for _, name in named]
    done = run(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths, "-k", " or ".join(names))
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) passed", done.stdout).group(1)) >= 30


@pytest.mark.slow
@pytest.mark.turns(2)
@pytest.mark.parametrize("command", FUZZED)
def test_what_the_recipes_add_is_fuzzed_with(tree, command):
    done = run(tree, "-m", "mlfuzz", *shlex.split(command), "--no-report", "--name", re.sub(r"\W+", "-", command))
    assert done.returncode in (0, 1), done.stderr
    assert "done:" in done.stdout
