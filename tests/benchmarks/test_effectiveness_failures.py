"""A run that fails leaves the others, is said, and is not kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import effectiveness
import pytest
from effectiveness_parts.rows import Key, Rows
from tasks.task import Setup, Task

from mlfuzz.errors import ConfigError

FATES = {"random": None, "mixed": ZeroDivisionError("by nought"), "greedy": ConfigError("not with this task")}


def keys(task: str) -> tuple[Key, ...]:
    return tuple(Key(task, preset, 0, "evaluations", 100) for preset in FATES)


@pytest.fixture
def piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> effectiveness.Piece:
    def build(repeat: int, cache: Path) -> Any:
        return Setup(lambda: pytest.fail("is not run"), tmp_path, {})

    def run(task: Task, setup: Setup, preset: str, repeat: int, **budget: Any) -> dict[str, Any]:
        if error := FATES[preset]:
            raise error
        return {"task": task.name, "preset": preset, "repeat": repeat}

    task = Task("small", build, evaluations=100, short=10, chief="roots", goal="")
    monkeypatch.setitem(effectiveness.TASKS, "small", task)
    monkeypatch.setattr(effectiveness, "run", run)
    return effectiveness.Piece("small", 0, keys("small"), tmp_path, tmp_path / "rows")


def test_what_one_preset_meets_leaves_the_others(piece: effectiveness.Piece) -> None:
    ran, failed, skipped = effectiveness.compare(piece)
    assert ran["budget"] == "evaluations"
    assert failed["failed"] == "ZeroDivisionError: by nought"
    assert skipped["skipped"] == "not with this task"
    assert [key.preset for key in Rows(piece.rows).find(piece.keys).taken] == ["random"]


def test_a_task_that_cannot_be_built_is_said_a_line_a_run(
    piece: effectiveness.Piece, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = [(piece, ModuleNotFoundError("No module named 'javad'")), (piece, [{"preset": "random"}])]
    monkeypatch.setattr(effectiveness, "each_alone", lambda run, pieces, jobs: iter(answers))
    lines = effectiveness._work([piece], 1)
    assert len(lines) == len(FATES)
    assert lines[0] == "failed: small, random, repeat 0, evaluations: ModuleNotFoundError: No module named 'javad'"
    assert capsys.readouterr().out.splitlines()[-1] == '{"preset": "random"}'
