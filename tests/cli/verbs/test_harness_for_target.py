"""`mlfuzz harness new --for-target` and `--compare`: what is written runs as it is, and finds what is planted."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys

import pytest
from faults.drawn import sampled

from mlfuzz.codefuzz.harness.declaration import read

PROJECT = '[project]\nname = "x"\nversion = "0"\n\n[tool.mlfuzz]\n'

TARGETS = """
import numpy as np

import mlfuzz
from prepared import scaled

PICTURE = mlfuzz.Image(size=(8, 8), channels=3)


def plain():
    return mlfuzz.CallableTarget("plain", PICTURE, lambda x: x.mean((1, 2, 3)))


class Maker:
    def __call__(self):
        return mlfuzz.forms.sklearn("made", PICTURE, Estimator(), preprocess=scaled)


class Estimator:
    classes_ = ("a", "b")

    def predict_proba(self, values):
        return np.full((len(values), 2), 0.5)


made = Maker()


def noisy():
    return mlfuzz.forms.sklearn("noisy", PICTURE, Estimator(), preprocess=lambda x: x + np.random.rand())


def raising():
    return mlfuzz.forms.sklearn("raising", PICTURE, Estimator(), preprocess=lambda x: 1 // 0)


def program():
    return mlfuzz.forms.command("program", PICTURE, ["cat"], labels=("a", "b"))
"""

PREPARED = """
import io
import numpy as np
from PIL import Image


def scaled(pixels):
    return pixels.reshape(len(pixels), -1) * 2 - 1


def opened(data):
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB").resize((8, 8))).transpose(2, 0, 1)


def lowered(text):
    return text.lower()


def folded(text):
    return text.casefold()


number = 3
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "zoo_of_skew.py").write_text(TARGETS)
    (tmp_path / "prepared.py").write_text(PREPARED)
    monkeypatch.chdir(tmp_path)
    kept, modules = [*sys.path], {*sys.modules}
    yield tmp_path
    sys.path[:] = kept
    for name in {*sys.modules} - modules:
        if name in ("prepared", "zoo_of_skew") or name.startswith("mlfuzz_found"):
            del sys.modules[name]


WRITTEN = {
    "zoo_of_skew:plain": ["no preprocessing of its own", "decoded as mlfuzz decodes seeds"],
    "zoo_of_skew.py:made": ["decoded as mlfuzz decodes seeds"],
    "zoo_of_skew:noisy": ["not deterministic"],
    "digits:robust": ["decoded as mlfuzz decodes seeds"],
}

REFUSED = {
    ("--for-target", "zoo_of_skew:raising"): "ZeroDivisionError",
    ("--for-target", "zoo_of_skew:program"): "--compare",
    ("--for-target", "nothing"): "target",
    ("--decode", "prepared:opened"): "--for-target",
    ("--compare", "prepared:opened", "prepared:opened"): "harness new NAME",
    ("x", "--compare", "prepared:opened", "prepared:gone"): "gone",
    ("x", "--compare", "prepared:opened", "prepared:number"): "no function",
    ("x", "--compare", "prepared:opened", "prepared:scaled", "--for", "image"): "takes none of",
    ("x", "--for-target", "digits:robust", "--decode", "prepared:gone"): "gone",
}


@pytest.mark.slow
@pytest.mark.parametrize("target", sampled(WRITTEN, 2))
def test_a_harness_of_a_target_says_what_it_checks_and_runs(command, project, target):
    ran = command("harness", "new", "mine", "--for-target", target)
    assert ran.code == 0, ran.err
    path = project / "harnesses" / "mine.py"
    said = " ".join((ran.err + ran.out).split())
    for words in WRITTEN[target]:
        assert words in said
        assert words in " ".join(path.read_text().split())
    declared = read(path)
    assert declared.instrument[0] == "mlfuzz.modality"
    module = runpy.run_path(str(path))
    for seed in sorted((project / declared.seeds).glob("*.png"))[:3]:
        if not seed.name.startswith("nothing"):
            module["fuzz"](seed.read_bytes())
    assert ("as_palette" in module) == (target != "zoo_of_skew:noisy")
    assert len(module["CHECKS"]) == (4 if target == "zoo_of_skew:noisy" else 5)


@pytest.mark.parametrize("words", sampled(REFUSED, 3), ids=" ".join)
def test_what_cannot_be_written_is_refused_with_what_to_type(command, project, words):
    ran = command("harness", "new", *words)
    assert ran.code in (2, 3)
    assert REFUSED[words] in ran.err
    assert not (project / "harnesses").exists()


def test_the_decoder_of_the_configuration_is_taken(command, project):
    lines = '\n[tool.mlfuzz.targets.mine]\nuse = "zoo_of_skew:made"\ndecode = "prepared:opened"\n'
    (project / "pyproject.toml").write_text(PROJECT + lines)
    ran = command("harness", "new", "--for-target", "mine")
    assert ran.code == 0, ran.err
    text = (project / "harnesses" / "mine_input.py").read_text()
    assert 'decode="prepared:opened"' in text
    assert '"prepared"' in text


def test_functions_of_texts_are_compared(command, project):
    ran = command("harness", "new", "words", "--for", "text", "--compare", "prepared:lowered", "prepared:folded")
    assert ran.code == 0, ran.err
    module = runpy.run_path(str(project / "harnesses" / "words.py"))
    module["fuzz"](b"Word")
    with pytest.raises(AssertionError, match="'ss' where"):
        module["fuzz"]("\u00df".encode())


PAIRS = {
    "image": ("digits:robust", "picture", {"as_palette", "as_turned"}),
    "audio": ("speech:robust", "sound", {"as_bits24", "as_swapped"}),
    "text": ("language:robust", "text", {"as_bom", "as_decomposed"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", sampled(PAIRS, 1))
def test_what_is_planted_before_a_model_is_found_by_what_was_written(project, kind):
    pytest.importorskip("atheris")
    target, decoder, planted = PAIRS[kind]
    run(project, "harness", "new", "mine", "--for-target", target, "--decode", f"mlfuzz.examples.serving:{decoder}")
    done = run(project, "harness", "run", "mine", "--inputs", "300", "--no-report")
    assert done.returncode == 1, done.stdout + done.stderr
    records = [json.loads(path.read_bytes()) for path in project.glob(".mlfuzz/*/findings/*/finding.json")]
    found = {one["fault"].rpartition(":")[2]: one for one in records if one["observed"].endswith(".Skew")}
    assert planted & set(found), {one["fault"] for one in records}
    assert all(" where " in one["message"] for one in found.values())
    assert max(one["severity"] for one in found.values()) >= 2


def run(project, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "mlfuzz", *arguments], capture_output=True, text=True, check=False, timeout=300,
        cwd=project, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
