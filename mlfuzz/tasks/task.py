"""A task: what an answer stands for, and all that follows from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from mlfuzz.errors import ConfigError, suggestion

Truth: TypeAlias = Literal["kept", "moved", "lost"]
"""What an operator that moves the input about does to what is right: nothing; it moves along with the input, by the
operator's map; or it becomes another that nobody knows (the angle that a turned road asks for)."""

Kind: TypeAlias = Literal["numbers", "texts", "ragged"]
"""Of an output: a tensor (B, ...), B texts, or B sequences of different length."""


@dataclass(frozen=True, slots=True)
class Form:
    """What one output is like. sizes: of a tensor, without the batch's; of sequences, behind the steps; () of texts.

    low, high: the smallest and largest number seen, of tensors. sums_to_one: whether each row of (B, N) does. whole:
    of sequences, whether their numbers are whole ones.
    """

    kind: Kind
    sizes: tuple[int, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    sums_to_one: bool = False
    whole: bool = False

    @property
    def inside_one(self) -> bool:
        """Whether all numbers lie between 0 and 1, as probabilities do."""
        return self.low >= 0.0 and self.high <= 1.0

    @property
    def shown(self) -> str:
        """ "3x16x16", "one number", "texts", "sequences"."""
        if self.kind != "numbers":
            return "texts" if self.kind == "texts" else "sequences"
        return "x".join(map(str, self.sizes)) or "one number"


@dataclass(frozen=True, slots=True)
class Task:
    """One row of the table.

    name: as it is written in task="...". summary: what an answer is, for `check` and the documentation.
    answers: what the target gives, in words, for the refusal of something else.
    fits: the kinds of the judged output with the axes that it may have without the batch's: {"numbers": (1,)}. None:
      any number of axes.
    oracles: what judges it by default, as tables ({"name": "label"}); options that the oracle takes go into them.
    unit: of the margin, for people. metric: what `compare` counts, in words.
    parts: names of outputs that are judged together, the main one first; () where the main output is all.
    labels: whether the target's labels name columns ("columns"), two sides of one number ("sides"), or nothing ("").
    geometry: what an operator of geometry does to the truth.
    options: what may be set beside the name (task={"name": "binary", "threshold": 0.3}), None: found out by itself.
    """

    name: str
    summary: str
    answers: str
    fits: Mapping[Kind, tuple[int, ...] | None]
    oracles: tuple[Mapping[str, Any], ...]
    unit: str
    metric: str
    parts: tuple[str, ...] = ()
    labels: Literal["columns", "sides", ""] = ""
    geometry: Truth = "kept"
    options: Mapping[str, Any] = field(default_factory=dict)

    def misfit(self, form: Form, labels: int) -> str:
        """Why an output of this form cannot be that, in words; "" where it can. labels: how many the target names."""
        axes = self.fits.get(form.kind, ())
        if form.kind not in self.fits or (axes is not None and form.kind == "numbers" and len(form.sizes) not in axes):
            return f"task {self.name} is of {self.answers}; the judged output is {form.shown}"
        if self.labels == "columns" and labels and form.sizes and form.kind == "numbers" and form.sizes[0] != labels:
            return f"task {self.name} is of one column a label; there are {labels} labels and {form.sizes[0]} columns"
        if self.labels == "sides" and labels not in (0, 2):
            return f"task {self.name} has two labels, what the number says no to first; the target names {labels}"
        return ""

    def given(self, options: Mapping[str, Any]) -> Task:
        """With these options. Raises ConfigError for one that it does not have."""
        for name in options:
            if name not in self.options:
                known = ", ".join(self.options) or "none"
                raise ConfigError(
                    f"task {self.name} has no option {name!r}{suggestion(name, self.options)} (options: {known})"
                )
        return replace(self, options={**self.options, **options})

    def describe(self) -> dict[str, Any]:
        """As it is written: {"name": ..., options that are set}."""
        return {"name": self.name, **{name: value for name, value in self.options.items() if value is not None}}
