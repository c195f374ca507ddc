"""What may be imported on a machine without torch, and quickly: looked at in a fresh process."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import mlfuzz.cli
import mlfuzz.codefuzz
import mlfuzz.config
import mlfuzz.findings
import mlfuzz.report
import mlfuzz.storage

HEAVY = ("torch", "faiss", "hypothesis", "atheris")

PACKAGES = (mlfuzz.cli, mlfuzz.codefuzz, mlfuzz.config, mlfuzz.findings, mlfuzz.report, mlfuzz.storage)

ALONE = (
    "errors", "registry", "mutation", "budget", "progress", "rates", "modality.base", "replay", "comparison",
    "campaign.supervisor.supervise", "regressions.suite", "pytest_plugin", "pytest_plugin.items",
    "pytest_plugin.selection",
)  # fmt: skip
"""Light modules of packages that are not light as a whole."""

LIGHT = sorted(
    {f"mlfuzz.{name}" for name in ALONE}
    | {one.name for package in PACKAGES for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")}
)


def loaded_after(code: str, names: tuple[str, ...]) -> list[str]:
    """Which of the modules `names` are loaded once `code` has run."""
    tail = f"import sys; print(*[name for name in {names!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{tail}"], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_mlfuzz_brings_in_nothing_heavy_and_not_even_numpy():
    assert loaded_after("import mlfuzz, mlfuzz.errors; mlfuzz.MlfuzzError; dir(mlfuzz)", (*HEAVY, "numpy")) == []


def test_light_modules_import_no_torch():
    imports = "\n".join(f"import {name}" for name in LIGHT if not name.endswith("__main__"))
    assert loaded_after(imports, HEAVY) == []


def test_starting_the_command_imports_no_verb_and_no_numpy():
    code = "from mlfuzz.cli.application import application; application()"
    assert loaded_after(code, (*HEAVY, "numpy", "mlfuzz.cli.verbs.fuzz", "mlfuzz.cli.verbs.doctor", "jinja2")) == []


def test_the_supervisor_needs_no_numpy():
    assert loaded_after("import mlfuzz.campaign.supervisor.supervise, mlfuzz.cli.run", (*HEAVY, "numpy")) == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_module_of_a_light_package_is_looked_at(package):
    folder = Path(package.__path__[0])
    files = [path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py") if path.stem != "__init__"]
    assert {".".join((package.__name__, *file.parts)) for file in files} <= set(LIGHT)
