"""Other people's harnesses as they are: what plain atheris finds with them a campaign finds, and it replays without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from codefuzz.harness_forms import BUG, FORMS, RUNS, Form
from faults.drawn import drawn
from findings.samples import ref, sample

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.harness.discovery import at
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.findings.repro import repro_script

ENGINE = AtherisEngine()

pytestmark = pytest.mark.skipif(bool(ENGINE.available()), reason=ENGINE.available() or "available")

IN_CI = 3
"""Forms that one commit tries."""

WITHOUT_ATHERIS = "import sys\nsys.modules['atheris'] = None\n"


def fuzzed(path: Path, root: Path) -> tuple[int, bytes]:
    """Inputs until the planted bug was found, and the one that shows it, confirmed and made smaller."""
    harness, found = at(path, root), []
    corpus = root / "corpus-of-the-test"
    corpus.mkdir()
    for file in harness.seed_files() or [root / "seeds" / "one"]:
        (corpus / file.name).write_bytes(file.read_bytes())
    with ENGINE.prepare(harness.declaration, Options(cache="none", project=str(root))) as session:
        progress = session.fuzz(
            corpus, seconds=600, runs=RUNS, on_failure=lambda data, outcome: found.append((data, outcome)),
            on_progress=lambda _: None, stop=lambda: bool(found),
        )  # fmt: skip
        assert found, f"nothing in {progress.executions} inputs, {progress.edges} edges"
        assert not progress.unseen
        data, outcome = found[0]
        assert f"{outcome.type}: {outcome.message}" == BUG
        (again,) = session.reproduce(data, times=1)
        assert again.bucket == outcome.bucket
        smaller = session.minimise(data, outcome.bucket, seconds=2)
    assert len(smaller) <= len(data)
    with ENGINE.prepare(harness.declaration, Options(project=str(root), instrument=False, sandbox="none")) as session:
        assert [one.bucket for one in session.reproduce(smaller, times=1)] == [outcome.bucket]
    return progress.executions, smaller


def shown_by_the_script(form: Form, root: Path, data: bytes) -> str:
    """What repro.py says in a Python without atheris."""
    (root / "input.bin").write_bytes(data)
    finding, _ = sample(
        side="code", kind="exception", observed="KeyError", message="planted", load=at(root / form.path, root).load,
        input=ref("input.bin", data), seed=None,
    )  # fmt: skip
    (root / "repro.py").write_text(WITHOUT_ATHERIS + repro_script(finding))
    done = subprocess.run(
        [sys.executable, "repro.py"], cwd=root, capture_output=True, text=True, check=False, env=variables(form)
    )
    return done.stdout + done.stderr


def variables(form: Form) -> dict[str, str]:
    named = {name.removeprefix("PLAIN_"): value for name, value in form.variables.items()}
    return {**os.environ, "PYTHONPATH": ".", **named}


def plainly(form: Form, root: Path) -> str:
    """What atheris itself says, with the same seeds and as many inputs."""
    done = subprocess.run(
        [sys.executable, *form.plainly(), "-seed=1", f"-runs={RUNS}", "corpus-of-the-test"], cwd=root,
        env=variables(form), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout


def tried(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    form = FORMS[name]
    path = form.build(root)
    for key, value in form.variables.items():
        monkeypatch.setenv(key, value)
    monkeypatch.chdir(root)
    executions, data = fuzzed(path, root)
    assert BUG in shown_by_the_script(form, root, data)
    assert BUG in plainly(form, root)
    return executions


@pytest.mark.slow
@pytest.mark.parametrize("name", drawn(list(FORMS), IN_CI))
def test_a_form_drawn_by_the_commit_finds_its_bug_as_under_atheris(name, tmp_path, monkeypatch):
    tried(name, tmp_path, monkeypatch)


@pytest.mark.manual
@pytest.mark.parametrize("name", FORMS)
def test_every_form_finds_its_bug_as_under_atheris(name, tmp_path, monkeypatch, capsys):
    executions = tried(name, tmp_path, monkeypatch)
    with capsys.disabled():
        print(f"\n| {name} | {executions:,} |")


def test_there_are_many_forms():
    assert len(FORMS) >= 40
