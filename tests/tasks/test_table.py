"""Every task is whole, by name or with options; and the page that tells of them says what is so."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlfuzz.errors import ConfigError, UnknownNameError
from mlfuzz.oracles.base import ORACLES
from mlfuzz.tasks.table import TASKS, task_of

PAGE = Path(__file__).parents[2] / "docs" / "tasks.md"


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_read_by_its_name_and_judged_by_oracles_that_are_there(name: str) -> None:
    task = task_of(name)
    assert task is TASKS[name] or task == TASKS[name]
    assert task_of({"name": name}) == task
    assert task_of(task) is task
    for oracle in TASKS[name].oracles:
        ORACLES.get(str(oracle["name"]))


@pytest.mark.parametrize("name", TASKS)
def test_the_page_says_what_the_table_says(name: str) -> None:
    task = TASKS[name]
    judged = ", ".join(str(oracle["name"]) for oracle in task.oracles)
    row = f"| `{name}` | {task.answers} | {judged} | {task.unit} | {', '.join(task.options) or '-'} | {task.geometry} |"
    assert row in PAGE.read_text().splitlines()


def test_options_stand_behind_the_name() -> None:
    assert task_of("binary:threshold=0.3") == task_of({"name": "binary", "threshold": 0.3})
    assert task_of("regression:bound=2,unit=degrees") == task_of(
        {"name": "regression", "bound": 2.0, "unit": "degrees"}
    )
    assert task_of("") is None
    assert task_of(None) is None


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("binry", UnknownNameError, "did you mean 'binary'"),
        ("binary:treshold=1", ConfigError, "did you mean 'threshold'"),
        ("binary:threshold", ConfigError, "write TASK:name=value"),
        ({"task": "binary"}, UnknownNameError, "unknown task"),
    ],
)
def test_what_is_no_task_is_refused_with_the_nearest(given: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        task_of(given)  # type: ignore[arg-type]
