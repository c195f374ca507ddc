"""All tasks by name, in the order of the table."""

from __future__ import annotations

from tasks import broken_loss, deephunter, disagreement, minilm, nan, photos, roads, twins, voice
from tasks.task import Task

_SMALL = (nan.TASK, broken_loss.TASK, *disagreement.TASKS, deephunter.TASK, roads.TASK, *twins.TASKS)
_REAL = (*photos.TASKS, *minilm.TASKS, *voice.TASKS)

TASKS: dict[str, Task] = {task.name: task for task in (*_SMALL, *_REAL)}

REAL = tuple(task.name for task in _REAL)
"""Models that nobody here trained."""
