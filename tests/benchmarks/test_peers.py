"""The comparison with others runs, and what it takes for theirs does what theirs did."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import peers
import pytest
import torch
from peers_parts import libraries, loops
from peers_parts.deephunter import DeepHunter
from peers_parts.pictures import PICTURES
from peers_parts.sounds import SOUNDS
from peers_parts.tensorfuzz import BUFFER, MUTANTS, TensorFuzz
from peers_parts.texts import TEXTS
from torch import nn

from mlfuzz.mutators.base import MUTATORS


def seeds(count: int) -> np.ndarray:
    return np.random.default_rng(0).random((count, 1, 6, 6))


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 4)).eval()


@pytest.mark.parametrize(("threshold", "kept"), [(1e9, 0), (-1.0, MUTANTS)])
def test_tensorfuzz_keeps_what_lies_beyond_its_threshold(threshold: float, kept: int) -> None:
    loop = TensorFuzz(linear(), seeds(3), sigma=0.1, threshold=threshold)
    assert loop.step() == MUTANTS
    assert len(loop.corpus) == 3 + kept


def test_tensorfuzz_builds_its_index_anew_whenever_the_buffer_is_full() -> None:
    loop = TensorFuzz(linear(), seeds(1), sigma=0.1, threshold=-1.0)
    loop.step()
    assert len(loop._buffer) == 0
    assert loop._index.n == 1 + MUTANTS // BUFFER * BUFFER


def test_deephunter_keeps_mutants_that_reach_a_new_section(tmp_path: Path) -> None:
    loop = DeepHunter(linear(), 255.0 * seeds(4), sigma=0.02, folder=tmp_path)
    before = len(loop.queue)
    for _ in range(5):
        loop.step()
    reached = int((loop._virgin != 0xFF).sum())
    assert before < len(loop.queue) <= before + reached  # each brought one section at least
    assert len(list(tmp_path.glob("*.npy"))) == len(loop.queue)


@pytest.mark.parametrize(("modality", "table"), [("image", PICTURES), ("audio", SOUNDS), ("text", TEXTS)])
def test_every_counterpart_is_of_an_operator_that_there_is(modality: str, table: dict[str, object]) -> None:
    assert {f"{modality}.{short}" for short in table} <= {part.name for part in MUTATORS if part.default}


@pytest.mark.slow
@pytest.mark.parametrize("grows", [False, True])
def test_a_comparison_of_loops_is_a_line_with_both_rates(grows: bool) -> None:
    line: dict[str, Any] = loops.tensorfuzz(1, grows=grows, seconds=0.1, batch=64)
    assert json.loads(json.dumps(line)) == line
    assert line["ours_per_s"] > 0 < line["theirs_per_s"]
    assert line["rounds"] >= 3
    assert (line["entries"][1] > line["entries"][0]) == grows


def test_libraries_that_are_not_there_are_named_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(libraries, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(peers, "tune_malloc", lambda: None)  # of the whole process
    monkeypatch.setattr(sys, "argv", ["peers", "text"])
    assert peers.main() == 2
    said = capsys.readouterr().err
    assert libraries.INSTALL in said
    assert len(said.splitlines()) == 1
