"""One task from end to end, as the command runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import suppress
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


def called(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.slow
def test_a_second_call_takes_up_what_is_there_and_runs_what_is_damaged(tmp_path: Path) -> None:
    cache = tmp_path / "not" / "there"
    command = ["--short", "--tasks", "loss", "--presets", "greedy,mixed", "--repeats", "2", "--cache", str(cache)]
    first = called(*command)
    assert first.returncode == 0, first.stderr
    assert "0 runs taken over, 4 to do" in first.stderr
    files = sorted((cache / "rows").glob("*.json"))
    assert len(files) == 4
    whole = {path: path.read_bytes() for path in files}
    files[0].write_bytes(whole[files[0]][:100])
    again = called(*command, "--passes", "20")
    assert again.returncode == 0, again.stderr
    assert f"{files[0]} is damaged" in again.stderr
    assert "3 runs taken over, 5 to do" in again.stderr  # the damaged one, and four of another budget
    assert all(path.read_bytes() == whole[path] for path in files[1:])
    by_inputs = [line for line in first.stdout.splitlines() if line.startswith("| loss, 20,000 | greedy")]
    assert by_inputs
    assert "| loss, 20 passes | mixed |" in again.stdout


@pytest.mark.slow
def test_what_is_finished_stands_after_an_interrupt(tmp_path: Path) -> None:
    rows = tmp_path / "rows"
    command = [sys.executable, str(SCRIPT), "--tasks", "loss", "--presets", "mixed,accept", "--repeats", "9"]
    command += ["--seconds", "0", "--jobs", "1", "--rows", str(rows)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        for _ in range(600):
            if list(rows.glob("*.json")):
                break
            with suppress(subprocess.TimeoutExpired):
                running.wait(0.1)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    kept = len(list(rows.glob("*.json")))
    assert 0 < kept < 18
    assert f"{kept} of 18 runs are finished; the same call goes on from here" in err
    assert "| loss, 100,000 | mixed |" in out


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--cache", "--rows"])
def test_a_folder_that_cannot_be_made_is_named_before_anything_runs(tmp_path: Path, option: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = called("--tasks", "loss", option, str(tmp_path / "file" / "under"))
    assert done.returncode == 2
    assert f"{option} {tmp_path / 'file' / 'under'}: cannot be made" in done.stderr
