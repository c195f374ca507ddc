"""A task is inferred only where it cannot be wrong; what else may be meant is said with the line to write."""

from __future__ import annotations

import pytest

from mlfuzz.tasks.infer import infer
from mlfuzz.tasks.table import task_of
from mlfuzz.tasks.task import Form

INFERRED: dict[str, tuple[Form, int, str, str]] = {
    "a score a label": (Form("numbers", (4,)), 4, "classes", ""),
    "scores that do not sum to one": (Form("numbers", (4,), low=0.1, high=0.9), 4, "classes", 'task="multi-label"'),
    "probabilities": (Form("numbers", (4,), low=0.0, high=1.0, sums_to_one=True), 4, "classes", ""),
    "two labels, one number": (Form("numbers", ()), 2, "binary", ""),
    "two labels, one column": (Form("numbers", (1,)), 2, "binary", ""),
    "names": (Form("texts"), 3, "classes", ""),
    "a text": (Form("texts"), 0, "generation", "labels=[...]"),
    "a vector without labels": (Form("numbers", (10,)), 0, "regression", 'task="classes"'),
    "a number without labels": (Form("numbers", ()), 0, "regression", ""),
    "a share without labels": (Form("numbers", (), low=0.1, high=0.9), 0, "regression", 'task="binary"'),
    "a map without labels": (Form("numbers", (3, 8, 8)), 0, "regression", 'task="segmentation"'),
    "scores over time": (Form("ragged", ()), 0, "frames", ""),
    "token numbers": (Form("ragged", (), whole=True), 0, "sequence", ""),
}
"""Case: (form, labels, the task, what the advice holds; "" where there is none)."""

REFUSED: dict[str, tuple[Form, int, str]] = {
    "fewer columns than labels": (Form("numbers", (3,)), 4, "they must agree"),
    "one number, four labels": (Form("numbers", ()), 4, 'task="ordinal"'),
    "a map a label": (Form("numbers", (4, 8, 8)), 4, 'task="segmentation"'),
}


@pytest.mark.parametrize("case", INFERRED)
def test_a_task_is_inferred(case: str) -> None:
    form, labels, task, advice = INFERRED[case]
    found = infer(None, form, labels)
    assert found.task is not None
    assert (found.task.name, found.misfit) == (task, "")
    assert advice in found.advice
    assert bool(advice) == bool(found.advice)


@pytest.mark.parametrize("case", REFUSED)
def test_labels_that_fit_no_answer_are_refused_with_the_line_to_write(case: str) -> None:
    form, labels, message = REFUSED[case]
    found = infer(None, form, labels)
    assert found.task is None
    assert message in found.misfit


@pytest.mark.parametrize(
    ("task", "form", "labels", "message"),
    [
        ("binary", Form("numbers", (3,)), 2, ""),
        ("binary", Form("numbers", ()), 3, "two labels"),
        ("multi-label", Form("numbers", (3,)), 4, "one column a label"),
        ("generation", Form("numbers", (3,)), 0, "is of B texts"),
        ("embedding", Form("texts"), 0, "is of one vector"),
        ("frames", Form("numbers", (1, 2, 3)), 0, "is of scores"),
    ],
)
def test_a_declared_task_that_the_answer_is_not_is_said(task: str, form: Form, labels: int, message: str) -> None:
    found = infer(task_of(task), form, labels)
    assert message in found.misfit
    assert bool(message) == bool(found.misfit) or task == "binary"


def test_a_detector_is_known_by_the_names_of_its_parts() -> None:
    found = infer(None, Form("ragged", (4,)), 3, names=("boxes", "labels", "scores"))
    assert found.task is not None
    assert found.task.name == "detection"
