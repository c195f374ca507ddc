"""A fourth modality from outside the tree: one plugin, one registration, and everything mlfuzz does with the others.

The files of `outside/` are a user's project; nothing of mlfuzz is edited, and nothing of it is imported here.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent / "outside"

CONFIGURATION = """
{plugins}

[targets.watch]
use = "acme_model:{target}"
seeds = "seeds"
limits = {limits}
"""

ENTRY_POINTS = "[mlfuzz.modalities]\nseries = acme_series:Series\n"


@pytest.fixture
def project(tmp_path):
    shutil.copytree(PROJECT, tmp_path, dirs_exist_ok=True)
    (tmp_path / "seeds" / "calm").mkdir(parents=True)
    rng = random.Random(1)
    for number in range(12):
        readings = ",".join(f"{rng.uniform(-2, 3):.2f}" for _ in range(12))
        (tmp_path / "seeds" / "calm" / f"{number}.csv").write_text(readings + "\n")
    configure(tmp_path)
    return tmp_path


def configure(project, *, plugins='plugins = ["acme_series"]', target="watch", limits="{}"):
    (project / "mlfuzz.toml").write_text(CONFIGURATION.format(plugins=plugins, target=target, limits=limits))


def run(project, *arguments, code=0):
    """What it printed. code: which it must end with; None: any."""
    environment = {**os.environ, "PYTHONPATH": str(project), "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=project, env=environment, capture_output=True, text=True, timeout=300
    )
    assert code in (None, done.returncode), done.stdout + done.stderr
    return done.stdout + done.stderr


def mlfuzz(project, *arguments, code=0):
    return run(project, "-m", "mlfuzz", *arguments, code=code)


def records(project):
    return [json.loads(path.read_text()) for path in sorted(project.glob(".mlfuzz/*/findings/*/finding.json"))]


@pytest.mark.slow
def test_the_laws_hold_of_it(project):
    shutil.copy(project / "laws_of_series.py", project / "test_laws_of_series.py")
    assert "passed" in run(project, "-m", "pytest", "-q", "test_laws_of_series.py")


@pytest.mark.slow
def test_it_is_fuzzed_confirmed_shrunk_replayed_reported_kept_and_tested(project):
    mlfuzz(project, "fuzz", "watch", "--inputs", "4000", "--seed", "1", "--name", "one", code=1)
    mlfuzz(project, "findings", "confirm", "--name", "one", code=None)  # 0 where the campaign has done it
    found = {one["kind"]: one for one in records(project) if one["verdict"] == "confirmed"}
    assert {"label", "nonfinite"} <= set(found)
    assert found["label"]["expected"] == "calm"
    assert {step["name"] for one in found.values() for step in one["chain"]} <= {"series.lift", "series.spike"}

    mlfuzz(project, "shrink", found["nonfinite"]["id"], "--trim")
    shown = mlfuzz(project, "findings", "show", found["nonfinite"]["id"])
    assert re.search(r"trimmed +fails with \d+ of 12 readings? changed", shown)

    mlfuzz(project, "report", "one")
    text = (project / ".mlfuzz" / "one" / "report.html").read_text()
    assert '<table class="series">' in text
    assert "Shown as bytes" not in text

    assert "FAILS" in mlfuzz(project, "replay", found["label"]["id"], code=1)
    mlfuzz(project, "findings", "promote", "--name", "one")
    assert list(project.glob("corpus/regressions/watch/*.csv"))
    assert "xfailed" in run(project, "-m", "pytest", "-q", "corpus", "-p", "no:cacheprovider")

    script = project / ".mlfuzz" / "one" / "findings" / found["nonfinite"]["id"] / "repro.py"
    assert "mlfuzz" not in re.sub(r"#.*|'.*?'", "", script.read_text())
    assert "nan" in run(project, str(script))


@pytest.mark.slow
def test_limits_and_searches_work_on_it(project):
    configure(project, target="tenths", limits="{ linf = 0.6 }")
    mlfuzz(project, "fuzz", "watch", "--inputs", "3000", "--seed", "1", "--search", "black", "--no-report", code=1)
    assert any(step["name"] == "series.replace" for one in records(project) for step in one["first_chain"])
    for one in records(project):
        before, after = (
            [float(field) for field in path.read_text().split(",")]
            for path in sorted((project / ".mlfuzz" / "watch" / "findings" / one["id"]).glob("*.csv"))[::-1][:2]
        )
        assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= 0.6 * 8 + 1e-5


@pytest.mark.slow
@pytest.mark.turns(2)
def test_an_entry_point_alone_brings_it_with_all_its_parts(project):
    configure(project, plugins="")
    metadata = project / "acme_series-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-series\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    mlfuzz(project, "init", "other", "--kind", "series")
    assert "kind = acme_series.Series(length=12)" in (project / "mlfuzz_targets.py").read_text()
    mlfuzz(project, "fuzz", "watch", "--inputs", "2000", "--seed", "1", code=1)
    assert '<table class="series">' in (project / ".mlfuzz" / "watch" / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.turns(2)
def test_a_codec_and_an_operator_alone_are_fuzzed(project):
    (project / "mlfuzz.toml").write_text(
        'plugins = ["bare_codec"]\n[targets.order]\nuse = "bare_codec:order"\nseeds = "pairs"\n'
    )
    (project / "pairs").mkdir()
    for number in range(5):
        (project / "pairs" / f"{number}.pair").write_text(f"{number / 10} 0.3")
    mlfuzz(project, "fuzz", "order", "--inputs", "2000", "--seed", "1", "--name", "bare", code=1)
    page = (project / ".mlfuzz" / "bare" / "report.html").read_text()
    assert "modality pair has no exhibit" in page
    (first, *_) = records(project)
    assert re.search(r"fails with [12] of 2 values? changed", mlfuzz(project, "shrink", first["id"], "--trim"))
    refused = mlfuzz(project, "fuzz", "order", "--search", "white", "--inputs", "500", "--name", "two", code=None)
    assert 'replacing("pair")' in refused
