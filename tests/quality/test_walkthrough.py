"""The story of a new user, in the order a user lives it: each step in a process of its own, in a project of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.turns(2)]

MODEL = '''"""The project's model: which weights it has stands in model.txt."""

from pathlib import Path

from mlfuzz.examples.digits import fragile, robust


def reader():
    made = {"fragile": fragile, "robust": robust}[Path(__file__).with_name("model.txt").read_text().strip()]()
    made.name = "reader"
    return made
'''

CONFIGURATION = """[tool.mlfuzz.targets.reader]
use = "model:reader"

[tool.pytest.ini_options]
filterwarnings = ["error"]
"""


class User:
    """Types commands in a project's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "model.py").write_text(MODEL)
        (folder / "pyproject.toml").write_text(CONFIGURATION)
        self.swap("fragile")

    def swap(self, weights: str) -> None:
        (self.folder / "model.txt").write_text(weights)

    def mlfuzz(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "mlfuzz", *arguments)

    def pytest(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "pytest", "-p", "no:cacheprovider", *arguments)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "200"}
        environment.pop("PYTEST_ADDOPTS", None)
        return subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, cwd=self.folder, timeout=300, env=environment
        )


def test_the_story_of_a_finding_from_fuzzing_to_guarding(tmp_path):
    user = User(tmp_path)

    # Fuzz: it finds something and says what to type next.
    ran = user.mlfuzz("fuzz", "reader", "--time", "15s")
    assert ran.returncode == 1, ran.stderr
    assert "mlfuzz findings show" in ran.stdout

    # List and show.
    listed = user.mlfuzz("findings", "list")
    assert listed.returncode == 0
    assert "confirmed" in listed.stdout
    found = json.loads(user.mlfuzz("--json", "findings", "list").stdout)
    held = _mended(user, [one["id"] for one in found])
    chosen = next(one for one in found if one["id"] in held and one["chain"])
    short = chosen["id"][:10]
    shown = user.mlfuzz("findings", "show", short)
    assert chosen["expected"] in shown.stdout
    assert f"mlfuzz replay {short}" in shown.stdout

    # Shrink: never longer, still the same fault.
    assert user.mlfuzz("shrink", short, "--time", "5s").returncode == 0
    shrunk = json.loads(user.mlfuzz("--json", "findings", "show", short).stdout)
    assert len(shrunk["chain"]) <= len(chosen["first_chain"])
    assert (shrunk["expected"], shrunk["observed"]) == (chosen["expected"], chosen["observed"])

    # Its script shows it without the command.
    script = user.folder / ".mlfuzz" / "reader" / "findings" / chosen["id"] / "repro.py"
    repro = user.run(str(script))
    assert repro.returncode == 0, repro.stderr
    assert f"expected {chosen['expected']} - seen by the campaign {chosen['observed']}" in repro.stdout
    scores = [float(text) for text in re.findall(r"-?\d+\.\d+(?:e[+-]\d+)?", repro.stdout.partition("expected")[0])]
    assert scores.index(max(scores)) == int(chosen["observed"])
    assert len(script.read_text().splitlines()) <= 20

    # Keep it: git and pytest see it from then on.
    promoted = user.mlfuzz("findings", "promote", short)
    assert promoted.returncode == 0, promoted.stderr
    record = user.folder / "corpus" / "regressions" / "reader" / f"{chosen['id']}.json"
    assert record.exists()
    assert (tested := user.pytest("corpus")).returncode == 0, tested.stdout
    assert "1 xfailed" in tested.stdout

    # Mend the model.
    user.swap("robust")
    replayed = user.mlfuzz("replay", short)
    assert (replayed.returncode, "+ FIXED" in replayed.stdout) == (0, True), replayed.stdout
    tested = user.pytest("corpus")
    assert "1 xpassed" in tested.stdout
    assert "1 known finding holds now: mlfuzz triage --mark-fixed" in tested.stdout
    marked = user.mlfuzz("triage", "--mark-fixed")
    assert (marked.returncode, "1 finding marked fixed" in marked.stdout) == (0, True), marked.stderr
    assert "1 passed" in user.pytest("corpus").stdout

    # Break it again: the guard says so.
    user.swap("fragile")
    tested = user.pytest("corpus")
    assert tested.returncode == 1
    for text in (
        f"expected '{chosen['expected']}' (as for {chosen['seed_name']}",
        f"got '{chosen['observed']}'",
        f"change   {shrunk['sentence']}",
        f"file     corpus/regressions/reader/{chosen['id']}.png",
        f"replay   mlfuzz replay {short}",
        "marked as fixed; it fails again",
        "1 failed",
    ):
        assert text in tested.stdout

    # The two versions compared: what the gate would have said before the release.
    compared = user.mlfuzz(
        "compare", "digits:robust", "digits:fragile", "--findings", short, "--gate", "newly-broken<=0"
    )
    assert compared.returncode == 1, compared.stderr
    assert "newly broken 1" in compared.stdout


def _mended(user: User, ids: list[str]) -> set[str]:
    """Those that the other weights do not fail on."""
    user.swap("robust")
    lines = user.mlfuzz("--json", "replay", *ids).stdout.splitlines()
    user.swap("fragile")
    return {row["id"] for row in map(json.loads, lines) if row["state"] == "fixed"}
