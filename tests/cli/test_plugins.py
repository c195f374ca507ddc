"""A project's own mutator is found by every verb, from wherever it is run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

OPERATOR = '''
from mlfuzz.mutators.base import mutator
from mlfuzz.mutators.param import Real

@mutator("image.lens_dirt", kind="occlusion", cost=2, amount=Real(0.0, 0.9, neutral=0.0, unit="of black"))
def lens_dirt(rows, *, amount):
    """Darken the left half by `amount`."""
    data = rows.data.clone()
    data[..., : data.shape[-1] // 2] *= 1 - amount.view(-1, 1, 1, 1)
    return rows.with_data(data)
'''
PROJECT = """
plugins = ["my_operators"]
[targets.d]
use = "mlfuzz.examples.digits:fragile"
mutators = { include = ["image.lens_dirt"] }
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "my_operators.py").write_text(OPERATOR)
    (folder / "mlfuzz.toml").write_text(PROJECT)
    return folder


def mlfuzz(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run from another folder, with the project's named."""
    command = [sys.executable, "-m", "mlfuzz", "-C", str(project), *words]
    return subprocess.run(command, cwd=project.parent, capture_output=True, text=True, timeout=180)


@pytest.mark.slow
def test_a_projects_own_mutator_is_listed_fuzzed_with_and_replayed(project: Path) -> None:
    listed = mlfuzz(project, "--json", "list", "mutators", "--modality", "image")
    assert "image.lens_dirt" in listed.stdout, listed.stderr
    fuzzed = mlfuzz(project, "fuzz", "d", "--inputs", "8000", "--time", "40s")
    assert fuzzed.returncode == 1, fuzzed.stderr
    replayed = mlfuzz(project, "--json", "replay")
    assert replayed.returncode == 1, replayed.stderr
    records = [json.loads(line) for line in replayed.stdout.splitlines() if line.startswith("{")]
    assert records or json.loads(replayed.stdout)
    assert "lens dirt" in fuzzed.stdout + fuzzed.stderr
