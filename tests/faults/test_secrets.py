"""What stands in the environment stays there: no file and no line has any of it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mlfuzz.cli.main import main

CANARY = "c4n4ry"
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "HF_TOKEN": "hf_",
    "GITHUB_TOKEN": "",    "OPENAI_API_KEY": "sk-", "WANDB_API_KEY": "", "PIP_INDEX_URL": "https://user:{}@index.example/simple",
    "HTTPS_PROXY": "http://user:{}@proxy.example:3128", "no_proxy": "", "DATABASE_URL": "postgres://u:{}@db/x",
    "SSH_AUTH_SOCK": "/tmp/", "MY_SECRET": "", "MLFLOW_TRACKING_URI": "https://u:{}@x/", "USER": "", "LOGNAME": "",
    "HOSTNAME": "", "EMAIL": "", "KUBECONFIG": "/k/",
}  # fmt: skip

APART = ("fuzz", "harness", "replay", "doctor")
"""Verbs that start processes: in one of their own, so that none of theirs is left to this one."""

MODEL = """
import torch
import mlfuzz


def answer(rows):
    if float(rows.data.mean() if hasattr(rows, 'data') else rows.mean()) > 0.6:
        raise ValueError("too bright")
    return rows.flatten(1)[:, :3]


def make():
    return mlfuzz.CallableTarget("bright", mlfuzz.Image(size=(8, 8)), answer, seeds="seeds")
"""


def environment(folder: Path) -> dict[str, str]:
    """Every variable with a canary of its own, by which it would be known again."""
    given = {
        name: form.format(f"{CANARY}{at:02d}") if "{}" in form else f"{form}{CANARY}{at:02d}"
        for at, (name, form) in enumerate(VARIABLES.items())
    }
    return {**os.environ, **given, "XDG_STATE_HOME": str(folder / "state"), "XDG_CACHE_HOME": str(folder / "cache"),
            "OMP_NUM_THREADS": "1"}  # fmt: skip


def leaks(folder: Path) -> list[str]:
    """Files below it, members of archives too, that hold a canary."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = [path.read_bytes()]
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    data += [archive.read(name) for name in archive.namelist()]
            if any(CANARY.encode() in one or CANARY.encode("utf-16-le") in one for one in data):
                found.append(str(path.relative_to(folder)))
    return found


@pytest.mark.slow
def test_no_variable_of_the_environment_is_in_any_file_or_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "project"
    (project / "seeds/a").mkdir(parents=True)
    from PIL import Image

    for number in range(3):
        Image.new("L", (8, 8), 40 + 50 * number).save(project / f"seeds/a/{number}.png")
    (project / "zoo.py").write_text(MODEL)
    said: dict[str, str] = {}
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(project)

    def run(*arguments: str) -> int:
        if arguments[0] in APART:
            done = subprocess.run(
                [str(Path(sys.executable).with_name("mlfuzz")), *arguments], capture_output=True, text=True, check=False
            )
            said[" ".join(arguments)] = done.stdout + done.stderr
            return done.returncode
        code = main(list(arguments))
        said[" ".join(arguments)] = "".join(capfd.readouterr())
        return code

    assert run("fuzz", "zoo:make", "--inputs", "3k", "--name", "m") == 1, said
    assert run("harness", "run", "demo_parser", "--inputs", "3k", "--time", "5s", "--name", "h") in (0, 1), said
    for arguments in (
        ("init",), ("replay", "--name", "m"), ("findings", "export", "--output", "x.zip"),
        ("findings", "export", "--format", "dir", "--output", "dir"),
        ("findings", "promote", "--name", "m", "--no-replay", "--per-fault", "99"),
        ("report", "m", "--format", "json"), ("report", "m", "--format", "sarif"), ("report", "m", "--format", "junit"),
        ("report", "h"), ("status", "--json"), ("config", "show", "--json"), ("findings", "list", "-a", "--json"),
    ):  # fmt: skip
        assert run(*arguments) in (0, 1), (arguments, said[" ".join(arguments)])
    run("doctor", "--json")  # which may find something to say
    assert leaks(tmp_path) == []
    assert [name for name, text in said.items() if CANARY in text] == []
    assert len(list(project.rglob("finding.json"))) > 0


def test_a_canary_that_is_written_is_found(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner", environment(tmp_path)["HTTPS_PROXY"])
    (tmp_path / "y").write_bytes(environment(tmp_path)["USER"].encode("utf-16-le"))
    assert sorted(leaks(tmp_path)) == ["x.zip", "y"]
