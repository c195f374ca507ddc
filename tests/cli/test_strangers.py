"""A finding is data: nothing that only a record names is imported, and what this user began here runs as it did."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from mlfuzz.errors import EXIT_BROKEN, EXIT_USAGE
from mlfuzz.findings.bundle import write_folder
from mlfuzz.findings.finding import Finding, dumps
from mlfuzz.findings.lookup import LocatedFinding
from mlfuzz.findings.record import read_record

SHIPPED = "mlfuzz.examples.digits:fragile"

EVIL = "import pathlib\npathlib.Path({canary!r}).touch()\ndef make():\n    pathlib.Path({canary!r}).touch()\n"
HARNESS = EVIL + 'MLFUZZ = {{"entry": "TestOneInput"}}\ndef TestOneInput(data):\n    pass\n'

NAMED: dict[str, dict[str, Any]] = {
    "a module that came along": {"load": "evil:make"},
    "a namespace package": {"load": "bundle.evil:make"},
    "a module of the user's, any function": {"load": "mine:make"},
    "a function of an installed module": {"load": "evil_installed:make"},
    "something of mlfuzz's that is no target": {"load": "mlfuzz.testing.puzzles:Path"},
    "a module below the examples": {"load": "mlfuzz.examples.evil:make"},
    "an attribute that is no name": {"load": "evil:4"},
    "what the oracle compares with": {"load": SHIPPED, "oracle": {"name": "d", "part": "differ", "of": "evil:make"}},
    "a form that is none": {"load": SHIPPED, "oracle": {"name": "x", "part": "differ", "of": "own:make"}},
    "one of a majority": {"load": SHIPPED, "oracle": {"name": "m", "part": "majority", "of": ["bf16", "evil:4"]}},
    "models that voted": {"load": SHIPPED, "evidence": {"keeps_label": {"said": {"evil:make": "1"}}}},
    "a harness that came along": {"side": "code", "load": "bundle/evil.py:TestOneInput"},
    "a harness by its whole path": {"side": "code", "load": "{bundle}/evil.py:TestOneInput"},
    "a harness below the folder": {"side": "code", "load": "harnesses/evil.py:TestOneInput"},
}


QUICK = ("a module that came along", "what the oracle compares with", "a harness that came along")


@pytest.fixture
def place(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a configuration, in it one unpacked bundle with code that leaves a canary; the current one."""
    root = tmp_path / "here"
    bundle = root / "bundle"
    record = next(
        path
        for path in sorted(finished.glob(".mlfuzz/digits-fragile/findings/*/finding.json"))
        if read_record(path).verdict == "confirmed" and read_record(path).chain
    )
    write_folder([LocatedFinding(read_record(record), record)], bundle)
    source = EVIL.format(canary=str(tmp_path / "canary"))
    for path in (
        "bundle/evil.py",
        "bundle/evil/x.py",
        "mine.py",
        "bundle/mlfuzz.py",
        "bundle/own.py",
        "evil_installed.py",
    ):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(source)
    (root / "bundle/evil.py").write_text(HARNESS.format(canary=str(tmp_path / "canary")))
    for folder in (root, bundle):
        (folder / "harnesses").mkdir()
        (folder / "harnesses/evil.py").write_text(HARNESS.format(canary=str(tmp_path / "canary")))
    for name in ("torch", "numpy", "PIL", "msgspec"):
        (bundle / f"{name}.py").write_text(source)
    monkeypatch.chdir(root)
    return root


def sent(bundle: Path, changes: dict[str, Any]) -> Path:
    """The bundle's finding, changed so."""
    (record,) = bundle.glob("*/finding.json")
    changed = msgspec.json.decode(
        msgspec.json.encode({**msgspec.to_builtins(read_record(record)), **changes}), type=Finding
    )
    changed = msgspec.structs.replace(changed, load=changed.load.replace("{bundle}", str(bundle)))
    record.write_bytes(dumps(changed))
    return record.parent


@pytest.mark.parametrize("named", [one if one in QUICK else pytest.param(one, marks=pytest.mark.slow) for one in NAMED])
@pytest.mark.parametrize("inside", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["beside it", "in it"])
def test_nothing_that_only_a_record_names_is_run(
    named: str, inside: bool, place: Path, tmp_path: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = sent(place / "bundle", NAMED[named])
    if inside:
        monkeypatch.chdir(place / "bundle")
    where = os.path.relpath(finding)
    voters = "evidence" in NAMED[named]
    for verb in (("replay",), ("findings", "promote"), ("shrink",), ("triage", "--mark-fixed")):
        ran = command(*verb, where)
        assert ran.code == EXIT_BROKEN, (verb, ran)
        assert "nothing was begun here" in ran.out + ran.err, (verb, ran)
    name = NAMED[named]["load"].replace("{bundle}", str(place / "bundle"))
    ran = command("replay", where)
    if name != SHIPPED:
        assert ran.out.split("\n")[-3].endswith(f"mlfuzz replay {where} --target {name}"), ran.out
    elif not voters:
        assert ".use = " in ran.out
    for verb in (("findings", "show", where), ("findings", "export", where, "--output", str(tmp_path / "out.zip"))):
        assert command(*verb).code == 0
    assert not (tmp_path / "canary").exists()


@pytest.mark.slow
def test_a_campaign_that_was_sent_is_not_gone_on_with(
    place: Path, tmp_path: Path, finished: Path, command: Callable[..., Any]
) -> None:
    folder = place / ".mlfuzz"
    folder.mkdir()
    subprocess.run(["cp", "-r", str(finished / ".mlfuzz/digits-fragile"), str(folder / "c")], check=True)
    (folder / "c/campaign.toml").write_text('[targets."mine:make"]\nuse = "mine:make"\n')
    ran = command("fuzz", "--name", "c", "--inputs", "10")
    assert ran.code == EXIT_USAGE
    assert ran.err.strip().endswith("mlfuzz fuzz mine:make --name c")
    for record in folder.glob("c/findings/*/finding.json"):
        changed = msgspec.structs.replace(read_record(record), load="mine:make", verdict="candidate")
        record.write_bytes(dumps(changed))
    assert command("findings", "confirm", "--time", "5s").code == EXIT_BROKEN
    assert command("report", "c").code == 0
    assert command("status").code == 0
    assert not (tmp_path / "canary").exists()


@pytest.mark.slow
def test_what_lies_beside_a_finding_comes_before_nothing_that_a_shipped_target_imports(
    place: Path, tmp_path: Path
) -> None:
    finding = sent(place / "bundle", {"load": SHIPPED})
    mlfuzz = Path(sys.executable).with_name("mlfuzz")
    done = subprocess.run(
        [mlfuzz, "replay", finding.name], cwd=place / "bundle", text=True, capture_output=True, timeout=120
    )
    assert "1 fail" in done.stdout or "1 fixed" in done.stdout, done
    assert not (tmp_path / "canary").exists()


@pytest.mark.slow
def test_pytest_on_a_bundle_runs_nothing_of_it(place: Path, tmp_path: Path) -> None:
    for number, changes in enumerate(NAMED.values()):
        finding = sent(place / "bundle", changes)
        folder = place / "bundle/corpus/regressions/x"
        folder.mkdir(parents=True, exist_ok=True)
        record = read_record(finding / "finding.json")
        for path in finding.iterdir():
            if path.name != "finding.json":
                (folder / path.name).write_bytes(path.read_bytes())
        changed = msgspec.structs.replace(record, id=hashlib.sha256(bytes([number])).hexdigest()[:16])
        (folder / f"{changed.id}.json").write_bytes(dumps(changed))
    pytest_command = Path(sys.executable).with_name("pytest")
    done = subprocess.run([pytest_command, "-q", "bundle/corpus"], text=True, capture_output=True, timeout=200)
    assert done.stdout.count("nothing was begun here") >= len(NAMED), done.stdout
    (folder / f"{record.id}.json").write_bytes(
        dumps(msgspec.structs.replace(record, load=SHIPPED, oracle={}, evidence={}))
    )
    subprocess.run([pytest_command, "-q", "corpus"], cwd=place / "bundle", capture_output=True, timeout=200)
    assert not (tmp_path / "canary").exists()


ZOO = """
import mlfuzz
import torch
from torch import nn


class Quarters(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool, self.fc = nn.AdaptiveAvgPool2d(2), nn.Linear(4, 4)
        with torch.no_grad():
            self.fc.weight.copy_(torch.eye(4) * 10)
            self.fc.bias.zero_()

    def forward(self, x):
        return self.fc(self.pool(x).flatten(1))


def make():
    return mlfuzz.ModuleTarget("quarters", mlfuzz.Image(size=(8, 8)), Quarters().eval(), labels="0123")
"""


@pytest.mark.slow
@pytest.mark.turns(2)
def test_what_this_user_began_here_is_run_again_without_a_word_and_elsewhere_with_a_line_in_the_configuration(
    tmp_path: Path,
) -> None:
    project, elsewhere = tmp_path / "p", tmp_path / "elsewhere"
    project.mkdir()
    (project / "zoo.py").write_text(ZOO)
    rng = np.random.default_rng(0)
    for label in range(4):
        (project / f"seeds/{label}").mkdir(parents=True)
        pixels = rng.integers(0, 60, (8, 8), np.uint8)
        row, column = divmod(label, 2)
        pixels[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 150
        Image.fromarray(pixels).save(project / f"seeds/{label}/0.png")
    tools = Path(sys.executable).parent

    def run(
        tool: str, *arguments: str, folder: Path = project, state: str = "state"
    ) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / state)}
        return subprocess.run(
            [tools / tool, *arguments], cwd=folder, env=environment, text=True, capture_output=True, timeout=200
        )

    fuzzed = run(
        "mlfuzz", "fuzz", "zoo:make", "--seeds", "seeds", "--inputs", "100k", "--max-findings", "10", "--name", "c"
    )
    assert fuzzed.returncode == 1, fuzzed
    assert run("mlfuzz", "replay").returncode == 1
    best = next(line for line in fuzzed.stdout.splitlines() if "mlfuzz findings promote" in line).split()[-1]
    kept = run("mlfuzz", "findings", "promote", best)
    assert kept.returncode == 0
    assert "a fresh checkout asks for a line" in kept.stdout
    assert kept.stdout.rstrip().endswith('mlfuzz.toml: targets."quarters".use = "zoo:make"')
    assert "1 xfailed" in run("pytest", "-q", "corpus").stdout
    assert run("mlfuzz", "fuzz", "--name", "c", "--inputs", "200").returncode == 1
    refused = run("mlfuzz", "replay", best, state="other")
    assert refused.returncode == EXIT_BROKEN
    assert "--target zoo:make" in refused.stdout
    assert run("mlfuzz", "replay", best, "--target", "zoo:make", state="other").returncode == 1
    assert run("mlfuzz", "replay", best, state="other").returncode == EXIT_BROKEN
    project.rename(elsewhere)
    failed = run("pytest", "-q", "corpus", folder=elsewhere)
    assert failed.returncode == 1
    line = next(line for line in failed.stdout.splitlines() if ".use = " in line).partition("mlfuzz.toml: ")[2]
    assert line == 'targets."quarters".use = "zoo:make"'
    (elsewhere / "mlfuzz.toml").write_text(line + "\n")
    assert "1 xfailed" in run("pytest", "-q", "corpus", folder=elsewhere).stdout
    assert run("mlfuzz", "replay", best, folder=elsewhere).returncode == 1
