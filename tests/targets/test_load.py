"""From "module:attribute" to a target."""

from __future__ import annotations

import sys
from collections.abc import Iterator
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


MODULE = """
import mlfuzz
from torch import nn

def make():
    return mlfuzz.ModuleTarget("tiny", mlfuzz.Image(size=(4, 4)), nn.Sequential(nn.Flatten(), nn.Linear(16, 3)))
"""
PLACES = [
    ("alone.py", "alone:make"),
    ("alone.py", "alone.py:make"),
    ("alone.py", "{root}/alone.py:make"),
    ("my-model.py", "my-model.py:make"),
    ("package/__init__.py", "package:make"),
    ("package/__init__.py", "package/__init__.py:make"),
    ("package/part/models.py", "package.part.models:make"),
    ("src/acme/models.py", "acme.models:make"),
    ("src/acme/models.py", "src/acme/models.py:make"),
    ("src/single.py", "single:make"),
    ("lib/of_pytest.py", "of_pytest:make"),
    ("other/of_pytest.py", "of_pytest:make"),
    ("python/of_setuptools.py", "of_setuptools:make"),
    ("code/mapped.py", "mapped:make"),
    ("random.py", "random:make"),
    ("queue.py", "queue.py:make"),
    ("types.py", "types:make"),
    ("torch.py", "torch:make"),
    ("json/models.py", "json.models:make"),
    ("digits.py", "digits:make"),
    ("data.py", "data:make"),
]
PYPROJECT = """
[tool.pytest.ini_options]
pythonpath = ["lib", "other", "not-there"]
[tool.setuptools]
package-dir = {"" = "code"}
[tool.setuptools.packages.find]
where = ["python"]
"""


@pytest.fixture
def imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is imported in a test is gone after it."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = dict(sys.modules)
    yield
    for name in [name for name in sys.modules if name not in before]:
        del sys.modules[name]


@pytest.mark.usefixtures("imports")
@pytest.mark.parametrize(("file", "name"), PLACES)
def test_a_target_is_found_where_projects_keep_it(file: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(MODULE)
    if path.parent != tmp_path and path.parent.name in ("acme", "part", "json"):
        (path.parent / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    before = sys.modules.get(name.partition(":")[0])
    assert load(name.format(root=tmp_path), directory=tmp_path).name == "tiny"
    assert before is None or sys.modules[name.partition(":")[0]] is before


@pytest.mark.usefixtures("imports")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.py:make", r"there is no file gone\.py; write a path below the project's folder"),
        ("gone.models:make", r"No module named 'gone'; it is looked for in the project's folder, in src"),
        ("helped:make", r"helped does not import: ModuleNotFoundError: No module named 'helper_that_is_not_there'$"),
    ],
)
def test_a_target_that_is_not_found_is_told_where_it_was_looked_for(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "helped.py").write_text("import helper_that_is_not_there\n")
    with pytest.raises(TargetLoadError, match=message):
        load(name, directory=tmp_path)
