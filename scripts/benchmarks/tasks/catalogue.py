"""All tasks by name, in the order of the table."""

from __future__ import annotations

from tasks import broken_loss, deephunter, nan
from tasks.task import Task

TASKS: dict[str, Task] = {module.TASK.name: module.TASK for module in (nan, broken_loss, deephunter)}
