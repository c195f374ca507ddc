"""Every seed file that is seen is taken, or counted as left out for a reason that is true."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faults.drawn import drawn, matrix

BAD = matrix("bad_seeds")
QUICK = 24
SLOW = "png of 4000 x 4000 in 64 KiB"


def test_there_are_more_than_a_hundred_kinds():
    assert len(BAD.cases()) >= 200


@pytest.mark.parametrize("case", drawn([case for case in BAD.cases() if case != SLOW], QUICK))
def test_what_is_seen_is_taken_or_left_out_for_a_true_reason(case, tmp_path):
    assert BAD.broken(case, tmp_path) == ""


@pytest.mark.slow
def test_so_it_is_with_each_kind_there_is(tmp_path):
    wrong = {}
    for number, case in enumerate(BAD.cases()):
        folder = tmp_path / str(number)
        folder.mkdir()
        if told := BAD.broken(case, folder):
            wrong[case] = told
        shutil.rmtree(folder)
    assert wrong == {}


TARGET = """
import numpy as np

from mlfuzz.modality.image import Image
from mlfuzz.targets.callable import CallableTarget


def answers(pictures):
    light = np.asarray(pictures).reshape(len(pictures), -1).mean(1)
    return np.stack([light, 1 - light], 1)


def target():
    return CallableTarget("own", Image(size=(8, 8), channels=3), answers, labels=("dull", "light"), numpy=True)
"""


@pytest.mark.slow
def test_check_and_fuzz_use_the_same_words_of_the_same_files(tmp_path):
    """check names them and says what to do; fuzz counts them by the same reasons. Neither shows a traceback."""
    (tmp_path / "own.py").write_text(TARGET)
    (tmp_path / "seeds").mkdir()
    kinds = ("tga", "svg", "FIFO", "hidden file", "name that ends with a blank", "webp cut", "link to the root")
    for case in kinds:
        BAD.put(case, tmp_path / "seeds")
    _, checked = ran(tmp_path, "check", "own:target", "--seeds", "seeds")
    assert "1 usable seeds of 8 seen: 7 left out" in checked
    reasons = re.findall(r"seeds left out: (\d+ x .*?) \(", checked)
    assert len(reasons) == len(kinds)
    code, fuzzed = ran(tmp_path, "fuzz", "own:target", "--seeds", "seeds", "--inputs", "200", "--no-report")
    assert code in (0, 1)
    for counted in reasons:
        assert counted in fuzzed
    assert "Traceback" not in checked + fuzzed
    assert len(list((tmp_path / "seeds").iterdir())) == 8, "something was taken away"


def ran(folder: Path, *arguments: str) -> tuple[int, str]:
    """A command's exit code, and all that it prints."""
    done = subprocess.run([sys.executable, "-m", "mlfuzz", *arguments], cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr
