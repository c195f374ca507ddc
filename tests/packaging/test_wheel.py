"""What travels in the wheel is enough: installed elsewhere, away from the checkout, the demonstration runs."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_the_subjects_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "mlfuzz/py.typed" in names
    assert "mlfuzz/_corpus/models/digits-fragile.safetensors" in names
    assert sum(name.startswith("mlfuzz/_corpus/seeds/image/digits/") and name.endswith(".png") for name in names) == 100
    assert not [name for name in names if name.startswith(("tests/", "scripts/")) or ".mlfuzz/" in name]


@pytest.mark.slow
def test_installed_elsewhere_the_demonstration_finds_faults(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    # The wheel before everything else on the path, and an editable install of the checkout out of reach.
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    where = subprocess.run(
        [sys.executable, "-c", "import mlfuzz; print(mlfuzz.__file__)"],
        cwd=tmp_path, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(site))
    done = subprocess.run(
        [sys.executable, "-m", "mlfuzz", "demo", "image", "--time", "8s"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    reports = list((tmp_path / ".mlfuzz").glob("*/report.html"))
    assert len(reports) == 1
    assert "faults" in done.stdout + done.stderr
