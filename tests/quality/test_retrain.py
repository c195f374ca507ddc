"""What was found is worth training on: faults held out are cured as well."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import mlfuzz
from mlfuzz.campaign.minimize.pipeline import confirm_finding
from mlfuzz.cli.main import main
from mlfuzz.examples.digits import fragile

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "retrain_digits.py"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """What a campaign of 20,000 inputs found in the fragile digits, each confirmed, exported as a training set."""
    project = tmp_path_factory.mktemp("project")
    target = fragile()
    with mlfuzz.Campaign.open(project / ".mlfuzz" / "digits", target) as campaign:
        campaign.run(mlfuzz.Budget(inputs=20_000), triage_here=False)
        for finding in list(campaign.findings.records()):
            confirm_finding(target, campaign.findings, finding, alone_in="calling process")
    assert main(["-C", str(project), "findings", "export", "--format", "dataset"]) == 0
    return project / "dataset"


def test_a_twin_trained_on_findings_is_cured_of_faults_it_never_saw(dataset):
    pytest.importorskip("sklearn")
    ran = subprocess.run(
        [sys.executable, str(SCRIPT), str(dataset), "--mutants", "3200"], capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    figures = {what: (float(before), float(after)) for what, before, after in _figures(ran.stdout)}
    assert figures["heldout"][1] <= figures["heldout"][0] / 3
    assert figures["mutants"][1] <= figures["mutants"][0] / 2
    assert figures["clean"][1] >= figures["clean"][0] - 2


def test_a_folder_that_is_no_dataset_says_how_to_make_one(tmp_path):
    ran = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 1
    assert "findings export --format dataset" in ran.stderr


def _figures(text: str) -> list[tuple[str, str, str]]:
    return re.findall(r"^(\w+) +([\d.]+)% -> +([\d.]+)%", text, re.MULTILINE)
