"""Installing and using mlfuzz changes nothing of anybody else's, and strange surroundings are survived or explained."""

from __future__ import annotations

import random
import subprocess
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import mlfuzz
from faults.drawn import drawn, matrix
from faults.process_state import changed, snapshot
from mlfuzz.cli.main import main
from mlfuzz.testing.puzzles import nan_always, puzzle_seeds, sound

HERE = Path(__file__).parent
SURROUNDINGS = matrix("surroundings")

IMPORTS = """
import importlib, pkgutil, sys
sys.path.insert(0, {tests!r})
from faults.drawn import drawn, matrix
from faults.process_state import changed, snapshot
for name in {dependencies!r}:
    importlib.import_module(name)
random = __import__("random")
random.seed(1)
import mlfuzz
before = snapshot()
for one in pkgutil.walk_packages(mlfuzz.__path__, "mlfuzz."):
    if not one.name.endswith("__main__"):
        try:
            importlib.import_module(one.name)
        except ImportError as error:  # an extra that is not installed
            assert not (error.name or "").startswith("mlfuzz"), error
print(*changed(before, snapshot()), sep="\\n", end="")
"""

DEPENDENCIES = (
    "torch", "numpy", "faiss", "PIL.Image", "PIL.ImageFile", "soundfile", "hypothesis", "msgspec", "rich.console",
    "rich.live", "rich.status", "cyclopts", "jinja2", "safetensors", "pytest",
)  # fmt: skip


@pytest.mark.slow
def test_no_import_of_a_module_changes_what_belongs_to_the_process():
    code = IMPORTS.format(tests=str(HERE.parent), dependencies=DEPENDENCIES)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    puzzle_seeds(tmp_path / "seeds")
    return tmp_path / "seeds"


@pytest.fixture
def unsettled() -> Iterator[None]:
    """State that no default is: what is set to a default in its place is found out."""
    kept = torch.get_rng_state(), random.getstate(), np.random.get_state()
    torch.manual_seed(17), random.seed(17), np.random.seed(17)
    torch.rand(3), random.random(), np.random.rand(3)
    with warnings.catch_warnings():
        yield
    torch.set_rng_state(kept[0]), random.setstate(kept[1]), np.random.set_state(kept[2])


def noisy(drawn: list[float], rows: torch.Tensor) -> torch.Tensor:
    drawn.append(float(torch.rand(())))
    return torch.stack([rows.mean((1, 2, 3)), 1 - rows.mean((1, 2, 3))], 1)


def interrupted(_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "ending",
    [pytest.param("budget", marks=pytest.mark.slow), pytest.param("interrupt", marks=pytest.mark.slow), "refusal"],
)
def test_a_campaign_in_the_users_own_process_leaves_that_as_it_was(
    ending: str, tmp_path: Path, seeds: Path, unsettled: None
) -> None:
    target = nan_always() if ending == "refusal" else sound()
    before = snapshot()
    try:
        with mlfuzz.Campaign.open(tmp_path / "c", target, seeds=seeds, batch=32) as campaign:
            campaign.run(mlfuzz.Budget(inputs=200), on_progress=interrupted if ending == "interrupt" else None)
        assert ending == "budget"
    except (KeyboardInterrupt, mlfuzz.MlfuzzError):
        assert ending != "budget"
    assert changed(before, snapshot()) == []


@pytest.mark.slow
def test_a_campaign_draws_the_same_whatever_is_drawn_beside_it(tmp_path: Path, seeds: Path) -> None:
    found = []
    for name in ("alone", "beside"):
        drawn: list[float] = []
        target = mlfuzz.CallableTarget("noisy", mlfuzz.Image(size=(28, 28)), partial(noisy, drawn), labels="01")
        with mlfuzz.Campaign.open(tmp_path / name, target, seeds=seeds, batch=32) as campaign:
            if name == "beside":
                torch.rand(5)
            campaign.run(mlfuzz.Budget(inputs=64))
        found.append(drawn)
    assert len(found[0]) > 2
    assert all(one == other for one, other in zip(*found, strict=False))


def test_the_command_in_somebodys_process_leaves_that_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = snapshot()
    assert main(["status"]) == 0
    assert main(["nonsense"]) == 2
    assert main(["replay"]) == 3
    assert changed(before, snapshot()) == []


@pytest.mark.slow
@pytest.mark.parametrize("case", drawn(SURROUNDINGS.cases(), 2))
def test_strange_surroundings_are_survived_or_explained_in_a_line(case: str, tmp_path: Path) -> None:
    assert SURROUNDINGS.broken(case, tmp_path) == ""
