"""All tasks by name, in the order of the table."""

from __future__ import annotations

from tasks import broken_loss, deephunter, disagreement, nan, roads, twins
from tasks.task import Task

_ALL = (nan.TASK, broken_loss.TASK, *disagreement.TASKS, deephunter.TASK, roads.TASK, *twins.TASKS)

TASKS: dict[str, Task] = {task.name: task for task in _ALL}
