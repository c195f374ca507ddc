"""What every target of our own has in common: how its answers are read, and what tells it from another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from mlfuzz.modality.base import Modality
from mlfuzz.targets.digest import Identity
from mlfuzz.targets.outputs import Answers
from mlfuzz.targets.parts import Chosen, Taken
from mlfuzz.tasks.task import Task


class IdentifiedTarget(ABC):
    """Base of `ModuleTarget` and `CallableTarget`, which call `declare` once name, modality and labels are there."""

    name: str
    modality: Modality
    labels: tuple[str, ...]

    def declare(self, *, output: Chosen | None, task: Task | None) -> None:
        """Which part of an answer is judged, and as what: before the first run."""
        self.output = output
        self.answers = Answers(self.name, self.labels, output=output, task=task)
        self._identity: Identity | None = None

    @property
    def taken(self) -> Taken:
        """How its answers are taken apart; known after the first run."""
        return self.answers.taken

    @property
    def task(self) -> Task | None:
        """What its answers stand for: declared, or inferred in the first run."""
        return self.answers.task

    @property
    def digest(self) -> str:
        """Of all that decides its answers, as it was before the first run; see `digest`."""
        return self._identified().digest

    @property
    def unverified(self) -> tuple[str, ...]:
        """What of it the digest could not read."""
        return self._identified().unverified

    @abstractmethod
    def _identify(self) -> Identity:
        """Read anew from what it is made of."""

    def _identified(self) -> Identity:
        if self._identity is None:
            self._identity = self._identify()
        return self._identity

    def _facts(self) -> tuple[Any, ...]:
        return (self.modality.name, self.modality.describe(), self.labels, *self.answers.described)
