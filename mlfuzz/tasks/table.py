"""The tasks there are, one row each. What follows from a task stands here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlfuzz.errors import ConfigError, UnknownNameError
from mlfuzz.tasks.task import Task

FINITE: Mapping[str, Any] = {"name": "nonfinite"}
"""Beside every task of numbers: NaN and infinity are no answer to anything."""

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            "classes", "one class of several", "one score a class (B, classes), or B names of classes",
            {"numbers": (1,), "texts": None}, (FINITE, {"name": "label"}), "score", "accuracy", labels="columns",
        ),
        Task(
            "binary", "yes or no", "one logit or probability an input, (B,) or (B, 1)", {"numbers": (0, 1)},
            (FINITE, {"name": "label"}), "score", "accuracy", labels="sides", options={"threshold": None},
        ),
        Task(
            "multi-label", "several labels at once, or none", "one logit or probability a label, (B, labels)",
            {"numbers": (1,)}, (FINITE, {"name": "label_set"}), "score of the label that changes", "label accuracy",
            labels="columns", options={"threshold": None},
        ),
        Task(
            "regression", "numbers", "numbers (B, ...)", {"numbers": None}, (FINITE, {"name": "tolerance"}),
            "of the tolerated deviation too far", "mean absolute error", geometry="lost",
            options={"bound": None, "unit": None},
        ),
        Task(
            "ordinal", "one grade of several in order", "one score a grade (B, grades), or the grade as a number (B,)",
            {"numbers": (0, 1)}, (FINITE, {"name": "grades"}), "grades", "mean grades off", labels="columns",
            options={"bound": None},
        ),
        Task(
            "frames", "a decision for each step of time", "scores (B, T) or (B, T, classes), or sequences of them",
            {"numbers": (1, 2), "ragged": None}, (FINITE, {"name": "frames"}), "share of frames",
            "share of frames right",
            options={"bound": None, "threshold": None, "slack": None},
        ),
        Task(
            "sequence", "a sequence of tokens", "token numbers (B, T), or sequences of them",
            {"numbers": (1,), "ragged": None, "texts": None}, ({"name": "tokens"},), "errors a token",
            "token error rate", options={"bound": None},
        ),
        Task(
            "embedding", "a vector whose direction counts", "one vector an input (B, D)", {"numbers": (1,)},
            (FINITE, {"name": "cosine"}), "cosine", "cosine", options={"bound": None},
        ),
        Task(
            "segmentation", "a class for each place", "scores (B, classes, H, W), or class numbers (B, H, W)",
            {"numbers": (2, 3)}, (FINITE,), "IoU", "mean IoU", labels="columns", geometry="moved",
        ),
        Task(
            "detection", "boxes with labels and scores", "boxes (N, 4), labels (N,) and scores (N,) of each input",
            {"numbers": (2,), "ragged": None}, (FINITE,), "IoU", "boxes matched", parts=("boxes", "labels", "scores"),
            geometry="moved",
        ),
        Task(
            "generation", "a text", "B texts", {"texts": None}, ({"name": "cer"},), "errors a character",
            "character error rate", options={"bound": None},
        ),
    )
}  # fmt: skip


def task_of(given: str | Mapping[str, Any] | Task | None) -> Task | None:
    """The task by its name ("binary"), or with options ("binary:threshold=0.3", {"name": "binary", ...}); None of "".

    Raises UnknownNameError with the nearest name, ConfigError for an option that it does not have.
    """
    if given is None or given == "" or given == {}:
        return None
    if isinstance(given, Task):
        return given
    options: dict[str, Any] = {}
    if isinstance(given, Mapping):
        options = {str(key): value for key, value in given.items() if key != "name"}
        name = str(given.get("name", ""))
    else:
        name, _, arguments = str(given).partition(":")
        options = dict(_option(text) for text in arguments.split(",") if text)
    if name not in TASKS:
        raise UnknownNameError("task", name, TASKS)
    return TASKS[name].given(options)


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"{text!r} is no option; write TASK:name=value")
    try:
        return name.strip(), float(value)
    except ValueError:
        return name.strip(), value.strip()
