"""From "module:attribute" to a target."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mlfuzz.errors import ConfigError, TargetLoadError
from mlfuzz.targets.load import load

SOURCE = """
import mlfuzz
from torch import nn

def _model():
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))

target = mlfuzz.ModuleTarget("tiny", mlfuzz.Image(size=(4, 4)), _model())
net = _model()

def make():
    return target

def broken():
    raise FileNotFoundError("weights.pt")

def leaving():
    raise SystemExit(0)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "loadable_project.py").write_text(SOURCE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path  # type: ignore[misc]
    sys.modules.pop("loadable_project", None)


@pytest.mark.parametrize("attribute", ["target", "make"])
def test_a_target_and_a_factory_of_one_load(project: Path, attribute: str) -> None:
    assert load(f"loadable_project:{attribute}", directory=project).name == "tiny"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loadable_project", "names no target"),
        ("loadable_project:tarket", "did you mean 'target'"),
        ("loadable_project:net", "wrap it"),
        ("loadable_project:broken", "FileNotFoundError: weights.pt"),
        ("loadable_project:leaving", r"leaving\(\) ended the program \(SystemExit: 0\)"),
        ("no_such_module_here:x", "does not import"),
    ],
)
def test_what_does_not_load_says_why(project: Path, name: str, message: str) -> None:
    with pytest.raises(TargetLoadError, match=message):
        load(name, directory=project)


def test_a_program_that_ends_where_it_is_imported_is_told_with_the_line_to_write(tmp_path: Path) -> None:
    (tmp_path / "ending_program.py").write_text("import argparse\nargparse.ArgumentParser().parse_args(['data'])\n")
    with pytest.raises(TargetLoadError, match=r'SystemExit: 2.*under: if __name__ == "__main__":'):
        load("ending_program:make", directory=tmp_path)


def test_a_shipped_example_loads_by_its_short_name() -> None:
    assert load("digits:fragile").name == "digits:fragile"


def test_a_module_of_the_users_comes_before_a_shipped_one_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "speech.py").write_text(SOURCE)
    try:
        assert load("speech:make", directory=tmp_path).name == "tiny"
    finally:
        sys.modules.pop("speech", None)


@pytest.mark.parametrize("device", ["cuda:99", "cude"])
def test_a_device_that_is_not_there_is_named_and_where_to_look(device: str) -> None:
    with pytest.raises(ConfigError, match=rf"device '{device}' cannot be used: .*; mlfuzz doctor"):
        load("digits:robust", device=device)
