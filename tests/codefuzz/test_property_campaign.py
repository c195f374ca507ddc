"""A test of Hypothesis fuzzed from the command line: found where Hypothesis alone does not, and replayed by pytest."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("atheris")

pytestmark = pytest.mark.slow

CODE = """
def settle(a, b, c):
    if a * 7 % 32 == 15:
        if b ^ a == 0x11:
            if (c + b) % 32 == 17:
                return -1
    return 0
"""

TESTS = """
from hypothesis import given, settings, strategies as st
from pkg.deep import settle

FIVE_BITS = st.integers(0, 31)


@given(a=FIVE_BITS, b=FIVE_BITS, c=FIVE_BITS)
@settings(max_examples=EXAMPLES)
def test_settle(a, b, c):
    assert settle(a, b, c) >= 0

"""


def run(project, *command):
    """A module of this Python, or a script, in the project's folder."""
    variables = {
        name: value for name, value in os.environ.items() if name not in ("CI", "HYPOTHESIS_STORAGE_DIRECTORY")
    }
    way = [] if command[0].endswith(".py") else ["-m"]
    return subprocess.run(
        [sys.executable, *way, *command], capture_output=True, text=True, check=False, timeout=300, cwd=project,
        env={**variables, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def alone(project, *options):
    """By pytest and Hypothesis, without mlfuzz."""
    return run(project, "pytest", "-q", "-p", "no:mlfuzz", "-p", "no:cacheprovider", *options, "tests")


@pytest.fixture
def project(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "pkg"\nversion = "0"\n\n[tool.mlfuzz]\n')
    for path, text in (("pkg/__init__.py", ""), ("pkg/deep.py", CODE)):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_deep.py").write_text(TESTS.replace("EXAMPLES", "1000"))
    return tmp_path


def test_a_bug_behind_coverage_is_found_and_pytest_shrinks_it_from_the_database(project):
    assert alone(project, "--hypothesis-seed=0").returncode == 0, (
        "Hypothesis by itself does not come there in 1,000 examples"
    )
    named = "tests/test_deep.py::test_settle"
    done = run(project, "mlfuzz", "harness", "run", named, "--inputs", "60k", "--max-findings", "1", "--no-report")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "coverage looks at pkg" in done.stdout + done.stderr
    (record,) = project.glob(".mlfuzz/*/findings/*/finding.json")
    found = json.loads(record.read_bytes())
    assert (found["verdict"], found["observed"], found["load"]) == ("confirmed", "AssertionError", named)
    assert found["fault"] == "assertion:AssertionError:test_deep.py:test_settle"
    shown = " ".join(found["evidence"]["traceback"].split())
    assert "test_settle( a=25, b=8, c=9, )" in shown
    assert "@reproduce_failure(" in shown
    assert found["evidence"]["hypothesis"].startswith(".hypothesis")
    again = alone(project)
    assert again.returncode == 1
    assert "a=25" in again.stdout
    assert "AssertionError" in run(project, str(record.with_name("repro.py"))).stderr
    assert run(project, "mlfuzz", "replay", found["id"]).returncode == 1
    (project / "pkg" / "deep.py").write_text(CODE.replace("-1", "1"))
    assert run(project, "mlfuzz", "replay", found["id"]).returncode == 0
