"""One task from end to end, as the command runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "benchmarks" / "effectiveness.py"


@pytest.mark.slow
def test_the_command_prints_records_and_the_table(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--short", "--tasks", "loss", "--presets", "random,greedy,tensorfuzz"]
    command += ["--repeats", "2", "--jobs", "1", "--seconds", "0.3", "--markdown", str(tmp_path / "table.md")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert {(each["preset"], each["budget"]) for each in records} >= {("random", "evaluations"), ("greedy", "seconds")}
    assert not [each for each in records if "skipped" in each]
    by_inputs = [each for each in records if each["budget"] == "evaluations"]
    assert all(each["evaluations"] >= 20_000 for each in by_inputs if each["first"] is None)
    assert all(each["confirmed"] == 1.0 for each in records if each["first"])
    assert not [each for each in by_inputs if each["preset"] == "random" and each["first"]]
    written = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "--tasks loss" in written
    assert "| tensorfuzz |" in written


@pytest.mark.slow
def test_a_wrong_name_is_named() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--tasks", "los"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "unknown task 'los'" in done.stderr
