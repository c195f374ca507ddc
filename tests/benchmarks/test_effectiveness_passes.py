"""A forward pass is timed once a task, bare, at the task's batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from effectiveness_parts.passes import pass_seconds
from tasks.task import Setup, Task
from torch import Tensor, nn

import mlfuzz


class Noted(nn.Module):
    """Notes how many rows each pass had."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.line = nn.Linear(36, 2)

    def forward(self, pictures: Tensor) -> Tensor:
        self.sizes.append(len(pictures))
        answer: Tensor = self.line(pictures.flatten(1))
        return answer


@pytest.fixture
def model() -> Noted:
    torch.manual_seed(0)
    return Noted()


@pytest.fixture
def setup(tmp_path: Path, model: Noted) -> Setup:
    np.save(tmp_path / "seeds.npy", np.full((3, 6, 6), 100, np.uint8))

    def target() -> mlfuzz.ModuleTarget:
        return mlfuzz.ModuleTarget("noted", mlfuzz.Image(size=(6, 6)), model)

    return Setup(target, tmp_path / "seeds.npy", {"batch": 16})


def task(name: str, setup: Setup) -> Task:
    def build(repeat: int, cache: Path) -> Any:
        return setup

    return Task(name, build, evaluations=100, short=10, chief="roots", goal="")


def test_it_is_timed_once_at_the_tasks_batch(tmp_path: Path, setup: Setup, model: Noted) -> None:
    one = pass_seconds(task("a task", setup), setup, tmp_path / "rows", "aaaa")
    assert one > 0
    ran = len(model.sizes)
    assert max(model.sizes) == 16  # more than there are seeds
    assert pass_seconds(task("a task", setup), setup, tmp_path / "rows", "aaaa") == one
    assert len(model.sizes) == ran
    pass_seconds(task("a task", setup), setup, tmp_path / "rows", "bbbb")
    assert len(model.sizes) > ran


def test_a_damaged_note_is_measured_anew(tmp_path: Path, setup: Setup) -> None:
    pass_seconds(task("t", setup), setup, tmp_path, "aaaa")
    (note,) = tmp_path.glob("*.pass")
    for content in (b"", b"[]", b'{"seconds": -1.0}', b"\xff"):
        note.write_bytes(content)
        assert pass_seconds(task("t", setup), setup, tmp_path, "aaaa") > 0
