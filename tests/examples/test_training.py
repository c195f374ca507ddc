"""The shipped twins come from their scripts: one of them is trained again at each commit, another with each."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults.drawn import drawn

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NEEDS = {
    "digits": "",
    "speech": "" if shutil.which("espeak-ng") else "espeak-ng is not installed: apt-get install espeak-ng",
    "language": "" if importlib.util.find_spec("django") else "Django's translations are not installed",
}
LIMIT_SECONDS = 900


@pytest.mark.slow
@pytest.mark.parametrize("name", drawn(list(NEEDS), 1))
def test_training_again_gives_the_shipped_twins_and_seeds(name):
    if NEEDS[name]:
        pytest.skip(NEEDS[name])
    command = [sys.executable, SCRIPTS / f"train_{name}.py", "--check"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert result.returncode == 0, result.stdout + result.stderr
