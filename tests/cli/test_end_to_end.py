"""The command as a person runs it: in processes of its own, against the shipped digits."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("digits campaign")]

ALWAYS = (sys.executable, "-m", "mlfuzz")


def mlfuzz(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*ALWAYS, "-C", str(folder), *arguments], capture_output=True, text=True, timeout=240)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    """A folder in which `mlfuzz fuzz digits:fragile` has run, and what that said."""
    folder = tmp_path_factory.mktemp("project")
    return folder, mlfuzz(folder, "--json", "fuzz", "digits:fragile", "--inputs", "6k", "--name", "first")


def test_a_campaign_finds_reports_and_says_what_to_do_next(fuzzed):
    folder, ran = fuzzed
    assert ran.returncode == 1, ran.stderr
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    result = events[-1]
    assert result["event"] == "result"
    assert result["stats"]["inputs"] >= 6_000
    assert len(result["faults"]) >= 2
    assert (folder / ".mlfuzz" / "first" / "report.html").stat().st_size > 20_000
    assert "mlfuzz replay" in ran.stderr


def test_what_was_found_fails_again_and_not_on_the_other_twin(fuzzed):
    folder, ran = fuzzed
    best = json.loads(ran.stdout.splitlines()[-1])["faults"][0]["best"]
    again = mlfuzz(folder, "replay", best[:8])
    assert (again.returncode, "x FAILS" in again.stdout) == (1, True), again.stderr
    other = mlfuzz(folder, "--json", "replay", best, "--target", "digits:robust")
    assert other.returncode in (0, 1), other.stderr


def test_a_campaign_resumes_by_its_name_and_refuses_to_become_another(fuzzed):
    folder, ran = fuzzed
    before = json.loads(ran.stdout.splitlines()[-1])["stats"]["inputs"]
    more = mlfuzz(folder, "--json", "fuzz", "digits:fragile", "--name", "first", "--inputs", "2k")
    assert more.returncode == 1, more.stderr
    assert json.loads(more.stdout.splitlines()[-1])["stats"]["inputs"] >= before + 2_000
    other = mlfuzz(folder, "fuzz", "digits:fragile", "--name", "first", "--inputs", "1k", "--scheduler", "uniform")
    assert other.returncode == 2
    assert "--adopt" in other.stderr


def test_only_known_findings_are_clean_where_new_ones_count(fuzzed):
    folder, _ = fuzzed
    ran = mlfuzz(folder, "fuzz", "digits:fragile", "--name", "first", "--inputs", "1", "--fail-on", "none")
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_campaign_saves_and_reports(tmp_path, number, code):
    process = subprocess.Popen(
        [*ALWAYS, "-C", str(tmp_path), "fuzz", "digits:fragile", "--time", "5m", "--name", "long"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    progress = tmp_path / ".mlfuzz" / "long" / "progress.jsonl"
    until = time.monotonic() + 120
    while not (progress.exists() and progress.stat().st_size) and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    assert "done:" in out
    assert (tmp_path / ".mlfuzz" / "long" / "report.html").exists()


def test_a_campaign_whose_terminal_hangs_up_saves_and_reports(tmp_path):
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [*ALWAYS, "-C", str(tmp_path), "fuzz", "digits:fragile", "--time", "5m", "-q"])
    folder = tmp_path / ".mlfuzz" / "digits-fragile"
    until = time.monotonic() + 120
    while not (folder / "progress.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.1)
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    assert (folder / "report.html").exists()


def test_a_campaign_that_is_stopped_is_not_taken_for_clean(tmp_path):
    arguments = [*ALWAYS, "-C", str(tmp_path), "fuzz", "digits:robust", "--time", "5m", "--name", "long"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while "asked" not in mlfuzz(tmp_path, "stop", "long").stdout and time.monotonic() < until:
        time.sleep(0.1)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, out + err


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("raise RuntimeError('no weights')", "no weights"),
        ("make = 3", "no target"),
        ("import os\ndef make(): os._exit(7)", "exit 7"),
    ],
)
def test_a_target_that_cannot_be_fuzzed_is_exit_code_3_and_one_line(tmp_path, source, says):
    (tmp_path / "broken.py").write_text(source + "\n")
    ran = mlfuzz(tmp_path, "fuzz", "broken:make", "--time", "5s")
    assert ran.returncode == 3, ran.stderr
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr


def test_check_says_what_is_right_and_what_is_not(tmp_path):
    ran = mlfuzz(tmp_path, "check", "digits:fragile")
    assert "gradients reach the input" in ran.stdout
    assert ran.returncode == 0, ran.stdout
    assert "clean accuracy" in ran.stdout
    assert "ready: mlfuzz fuzz digits:fragile" in ran.stdout
