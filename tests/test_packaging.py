"""What is built from a fresh clone."""

import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_every_folder_that_the_wheel_takes_along_is_in_a_fresh_clone():
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    # git keeps no empty folders: one that is here may be missing there, and then nothing can be installed.
    tracked = {
        folder: subprocess.run(
            ["git", "ls-files", "--", folder], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for folder in (*wheel["packages"], *wheel["force-include"])
    }
    assert [folder for folder, files in tracked.items() if not files] == []
