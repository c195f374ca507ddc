"""The puzzles are what they say: sound on their seeds, wrong where the fault was planted, named by `check`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import mlfuzz
from mlfuzz.batch import Batch, Rows, TensorRows, from_payloads
from mlfuzz.errors import TargetError
from mlfuzz.oracles.base import Verdict
from mlfuzz.oracles.metamorphic import Label
from mlfuzz.oracles.numeric import Nonfinite
from mlfuzz.targets.check import check
from mlfuzz.targets.execute import execute
from mlfuzz.targets.load import load
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.testing.puzzles import EXPECTED, puzzle, puzzle_seeds

RUNNABLE = [name for name, expected in EXPECTED.items() if name not in ("one_answer_for_all", "nan_always")]


@pytest.fixture
def seeds(tmp_path: Path) -> list[Path]:
    return puzzle_seeds(tmp_path / "seeds")


def _rows(target: ModuleTarget, seeds: list[Path]) -> TensorRows:
    rows = from_payloads([target.modality.decode(path.read_bytes()) for path in seeds], target.modality, target.device)
    assert isinstance(rows, TensorRows)
    return rows


def _verdict(oracle: Nonfinite | Label, target: ModuleTarget, rows: Rows, seeds: Rows) -> Verdict:
    count = len(rows)
    numbers = np.arange(count)
    batch = Batch(rows, numbers, numbers, np.zeros((count, 1), np.float32), np.ones(count, np.bool_))
    return oracle.check(target.run(rows), target.run(seeds), batch)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_puzzle_is_loaded_by_its_name(name: str) -> None:
    target = load(f"mlfuzz.testing.puzzles:{name}")
    assert target.name == name
    assert puzzle(name)[1] is EXPECTED[name]


def test_no_two_puzzles_share_a_digest() -> None:
    assert len({puzzle(name)[0].digest for name in EXPECTED}) == len(EXPECTED)


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_puzzle_is_right_about_its_seeds(name: str, seeds: list[Path]) -> None:
    target, _ = puzzle(name)
    rows = _rows(target, seeds)
    if name == "dropping":
        return
    for oracle in (Nonfinite(), Label()):
        assert not _verdict(oracle, target, rows, rows).failed.any()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_check_names_what_is_wrong_with_the_hand_over(name: str, seeds: list[Path]) -> None:
    target, expected = puzzle(name)
    payloads = [target.modality.decode(path.read_bytes()) for path in seeds]
    lines = list(check(target, payloads, [None] * len(payloads)))
    if expected.check:
        assert any(expected.check in line.text for line in lines if line.level != "ok"), lines
    else:
        assert not [line for line in lines if line.level == "fail"]


def test_a_bright_picture_gives_nan_and_a_brighter_one_is_nearer(seeds: list[Path]) -> None:
    target, _ = puzzle("nan_when_bright")
    rows = _rows(target, seeds)
    lifted = [_verdict(Nonfinite(), target, rows.with_data(rows.data + up), rows).margin[0] for up in (0.15, 0.18, 0.2)]
    assert lifted[0] < lifted[1] < 0 < lifted[2]


def test_a_bright_corner_flips_the_label_and_half_of_it_does_not(seeds: list[Path]) -> None:
    target, _ = puzzle("flip_when_corner_bright")
    rows = _rows(target, seeds)
    margins = []
    for level in (0.6, 1.0):
        marked = rows.data.clone()
        marked[..., -8:, -8:] = level
        margins.append(_verdict(Label(), target, rows.with_data(marked), rows).margin)
    assert bool((margins[0] < 0).all())
    assert bool((margins[1] > 0).all())


def test_a_flat_picture_raises_alone(seeds: list[Path]) -> None:
    target, _ = puzzle("raise_when_flat")
    rows = _rows(target, seeds)
    data = rows.data.clone()
    data[2] = data[2].mean()
    execution = execute(target, rows.with_data(data))
    assert [(row, crash.type) for row, crash in execution.crashes] == [(2, "ValueError")]
    assert len(execution.ran) == len(seeds) - 1


def test_a_coupled_row_answers_otherwise_in_other_company(seeds: list[Path]) -> None:
    target, _ = puzzle("batch_coupled")
    rows = _rows(target, seeds)
    flat = rows.with_data(torch.cat([rows.data[:1], rows.data[1:] * 0.5]))
    assert int(target.run(flat).main[0].argmax()) != int(target.run(flat.part(0, 1)).main[0].argmax())


def test_a_target_that_writes_into_its_input_leaves_the_rows_as_they_were(seeds: list[Path]) -> None:
    target, _ = puzzle("writing_into_its_input")
    rows = _rows(target, seeds)
    before = rows.data.clone()
    first, second = target.run(rows).main, target.run(rows).main
    assert torch.equal(rows.data, before)
    assert torch.equal(first, second)


def test_a_model_left_in_training_mode_is_refused_in_words(seeds: list[Path], tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="not one input alone"):
        mlfuzz.Campaign.open(tmp_path / "c", puzzle("dropping")[0], seeds=seeds[0].parent)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "code"), [("exit_when_bright", 7), ("die_when_bright", -11)])
def test_a_bright_picture_takes_the_process_down(name: str, code: int) -> None:
    program = (
        "import torch\n"
        "from mlfuzz.testing.puzzles import puzzle\n"
        "from mlfuzz.batch import TensorRows\n"
        f"target, _ = puzzle({name!r})\n"
        "shape = (2, 1, 28, 28)\n"
        "print(len(target.run(TensorRows(torch.full(shape, 0.5), target.modality)).main), flush=True)\n"
        "target.run(TensorRows(torch.full(shape, 0.9), target.modality))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.stdout.strip(), ended.returncode) == ("2", code)
