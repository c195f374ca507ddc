"""What is asked of pip is used, and what users are told to install exists."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mlfuzz.cli.verbs import doctor

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
ASKED = sorted(
    {Requirement(line).name for lines in (PYPROJECT["project"]["dependencies"], *EXTRAS.values()) for line in lines}
)

IMPORTED_AS = {
    "faiss-cpu": "faiss",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
}
"""Where the name differs by more than its hyphens."""

RUN_BY = {
    "build": ("tests/packaging/test_wheel.py", '"-m", "build"'),
    "editables": ("scripts/setup", "--no-build-isolation --editable"),
    "hatchling": ("pyproject.toml", 'build-backend = "hatchling.build"'),
    "import-linter": ("scripts/check", "/lint-imports"),
    "mypy": ("scripts/check", "/mypy"),
    "pip-audit": ("scripts/audited.py", '"pip-audit"'),
    "pip-licenses": ("scripts/audited.py", '"pip-licenses"'),
    "pytest-xdist": ("scripts/test", " -n 2"),
    "ruff": ("scripts/check", "/ruff"),
}
"""Programs: run, not imported."""

BESIDE = ("django",)
"""Installed by .ci/run beside the extras: its catalogues of languages are what a model is trained on."""

_IMPORT = re.compile(
    r'^\s*(?:from (\w+)[\w.]* import |import (\w+))|(?:import_module|find_spec|importorskip)\("(\w+)', re.M
)
_OF_EXTRA = re.compile(r'extra == "([^"]+)"')
_EXTRA = re.compile(r"mlfuzz\[([\w,-]+)\]")


def texts(*folders: str, suffix: str = ".py") -> Iterator[str]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob(f"*{suffix}")):
            yield path.read_text(encoding="utf-8")


@cache
def imported(*folders: str) -> frozenset[str]:
    """Top-level modules that the Python files there import, by statement or by name."""
    return frozenset(name for text in texts(*folders) for found in _IMPORT.findall(text) for name in found if name)


@pytest.mark.parametrize("name", ASKED)
def test_what_pip_is_asked_for_is_used(name: str) -> None:
    if name in RUN_BY:
        file, how = RUN_BY[name]
        assert how in (ROOT / file).read_text()
    else:
        assert IMPORTED_AS.get(name, name.replace("-", "_")) in imported("mlfuzz", "harnesses", "scripts", "tests")


def test_every_extra_that_somebody_is_told_to_install_exists() -> None:
    pages = [(ROOT / "README.md").read_text(), *texts("docs", "harnesses", suffix=".md")]
    named = {
        extra
        for text in (*texts("mlfuzz", "harnesses", "scripts", "tests"), *pages)
        for some in _EXTRA.findall(text)
        for extra in some.split(",")
    }
    assert "speech" in named
    assert named <= set(EXTRAS)


def test_doctor_names_what_is_asked_for_and_the_extra_that_brings_it() -> None:
    assert {*doctor.NEEDED, *doctor.OPTIONAL} <= set(ASKED)
    for name, text in doctor.OPTIONAL.items():
        for extra in _EXTRA.findall(text):
            assert name in [Requirement(line).name for line in EXTRAS[extra]]


def test_mypy_makes_exceptions_only_for_what_is_imported() -> None:
    (override,) = PYPROJECT["tool"]["mypy"]["overrides"]
    assert {name.partition(".")[0] for name in override["module"]} <= imported("mlfuzz")


def test_every_pinned_version_is_of_something_needed() -> None:
    if absent := [name for name in ASKED if needs(name) is None]:
        pytest.skip(f"what {', '.join(absent)} would bring is not known: not installed")
    pins = (ROOT / "scripts/constraints.txt").read_text().splitlines()
    assert {canonicalize_name(pin.partition("==")[0]) for pin in pins} - brought_along() == set()


def brought_along() -> set[str]:
    """All that is installed for what is asked for, on whichever system and Python."""
    seen: set[tuple[str, frozenset[str]]] = set()
    queue = [Requirement(name) for name in (*ASKED, *BESIDE)]
    while queue:
        one = queue.pop()
        key = (canonicalize_name(one.name), frozenset(one.extras))
        if key not in seen:
            seen.add(key)
            queue += [more for line in needs(one.name) or () if applies(more := Requirement(line), one.extras)]
    return {name for name, _ in seen}


def needs(name: str) -> list[str] | None:
    """What a distribution asks for; None where it is not installed, as on another system than its own."""
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return None


def applies(requirement: Requirement, extras: set[str]) -> bool:
    """Whether it belongs to one of these extras, or to none."""
    named = _OF_EXTRA.findall(str(requirement.marker or ""))
    return not named or bool(extras & set(named))
