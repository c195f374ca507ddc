"""A lane as a user gets it, for Pillow: built and fuzzed in by commands. Others: native/test_build_planted.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlfuzz.codefuzz.native import build
from mlfuzz.codefuzz.native.build import is_project

pytest.importorskip("atheris")

here = pytest.mark.skipif(
    bool(build.missing("pillow")) and not os.environ.get("CI"),
    reason="; ".join(build.missing("pillow")) or "all is there",
)
"""Continuous integration installs what is missing: there these tests fail instead."""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "mlfuzz.toml").write_text("")
    for folder in ("seeds", "rowcodec"):
        (tmp_path / folder).mkdir()
    (tmp_path / "rowcodec" / "setup.py").write_text("")
    return tmp_path


def mlfuzz(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlfuzz", "-C", str(project), *arguments], capture_output=True, text=True, check=False,
        timeout=900,
    )  # fmt: skip


@here
@pytest.mark.slow
@pytest.mark.turns(2)
def test_pillow_is_built_and_shows_its_native_edges(project):
    built = mlfuzz(project, "harness", "build-native", "pillow", "--sanitizer", "address")
    assert built.returncode == 0, built.stderr
    edges = {}
    for lane in ("plain", "address"):
        done = mlfuzz(
            project, "harness", "run", "image_pillow", "--lane", lane, "--name", lane, "--inputs", "3000", "--json",
            "--no-report",
        )  # fmt: skip
        result = [json.loads(line) for line in done.stdout.splitlines() if '"event":"result"' in line][-1]
        assert not result["broken"], result
        edges[lane] = result["stats"]["coverage"]["edges"]
    assert edges["address"] > edges["plain"] + 100, edges


def test_only_a_path_to_what_pip_builds_is_a_project(project, monkeypatch):
    monkeypatch.chdir(project)
    assert is_project("./rowcodec")
    assert is_project(str(project / "rowcodec"))
    assert not is_project("rowcodec"), "a bare name is a package's"
    assert not is_project("./seeds")
