"""The system under test: natural inputs in, outputs and activations out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from mlfuzz.batch import Rows
from mlfuzz.modality.base import Modality
from mlfuzz.observation import Observation


class Target(Protocol):
    """What the loop needs of a system under test.

    Preprocessing lives inside: mlfuzz hands over natural inputs only: pixels in the declared range, waveforms, strings.
    """

    @property
    def name(self) -> str: ...

    @property
    def modality(self) -> Modality: ...

    @property
    def device(self) -> torch.device: ...

    @property
    def digest(self) -> str:
        """SHA-256 over weights, code, preprocessing, variants and torch: keys whatever was measured on this target."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, or () where the output is no classification."""

    @property
    def raises(self) -> tuple[type[BaseException], ...]:
        """Exceptions that are a proper answer to a bad input, no finding."""

    def run(self, rows: Rows) -> Observation:
        """One forward pass over B rows. Raises whatever the system under test raises."""


def label_index(target: Target, label: str | None) -> int:
    """Class number of a label's name, or -1 where there is none."""
    labels: Sequence[str] = target.labels
    return labels.index(label) if label in labels else -1


def read_as(target: Target, oracle: object) -> None:
    """Have a target's one number read as a finding's oracle read it: from the same threshold on it says yes.

    Where nothing declares it, it is found in the first answers that a process sees, and a replay's are few.
    """
    threshold = getattr(oracle, "threshold", None)
    answers = getattr(target, "answers", None)
    if threshold is not None and answers is not None:
        answers.threshold, answers.guessed = float(threshold), False
