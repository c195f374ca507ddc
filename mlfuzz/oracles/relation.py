"""Metamorphic relations of one's own: what an operator must, or must not, do to the answer. On the host.

In Python, and for functions (a plugin module, so that findings replay):

    relation("louder-is-louder", monotone="decibels", mutators=["audio.gain"])
    relation("flip-steers-back", equivariant=lambda before, chain: -before, within=0.05, mutators=["image.flip"])

In a configuration file, without functions, for the target of that name:

    [[tool.mlfuzz.targets.meter.oracles]]
    name = "louder-is-louder"
    part = "relation"
    monotone = "decibels"
    mutators = ["audio.gain"]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from mlfuzz.batch import Batch
from mlfuzz.errors import ConfigError
from mlfuzz.mutation import Chain
from mlfuzz.observation import Observation
from mlfuzz.oracles.base import ORACLES, Floor, Verdict, margin_floor
from mlfuzz.oracles.claim import Classes, Expect, claim_of, plain


class Relation:
    """Fails where an answer does not change as it must. Give one claim:

    invariant: the class of the seed stays the class of the mutant.
    bounded: the answer changes by at most this (root mean square over its values).
    monotone: name of a parameter; the answer must not fall as it rises above `neutral` (`falls`: not rise), nor rise
      as it falls below. Chains that go both ways say nothing.
    equivariant: "same", "negate" or "reverse"; a list of class numbers (class k of the seed should become list[k]);
      or a function (before, chain) -> expected, which only a plugin can give. Numbers may be off by `within`.

    mutators: names or patterns ("image.*"); rows are judged whose whole chain is made of them. of: which value of the
    answer is looked at (None: all; for `monotone` of several values, their mean). within: what is let pass.
    margin: in units of the output; of classes, best other score - expected score.
    Raises ConfigError for no claim or several, and for values that make no sense.
    """

    where: Literal["device", "host"] = "host"
    relative = True
    judges_any_chain = True
    unit = "output"

    def __init__(
        self, name: str = "relation", *, mutators: Sequence[str], invariant: bool = False, bounded: float | None = None,
        monotone: str = "", equivariant: str | Sequence[int] | Expect | None = None, within: float = 0.0,
        falls: bool = False, neutral: float = 0.0, of: int | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self._mutators = tuple(mutators)
        self._of = of
        self._arguments = _without_defaults(
            mutators=list(mutators), invariant=invariant, bounded=bounded, monotone=monotone, equivariant=equivariant,
            within=within, falls=falls, neutral=neutral, of=of,
        )  # fmt: skip
        given = [claim for claim in (invariant, bounded is not None, monotone, equivariant is not None) if claim]
        if len(given) != 1:
            raise ConfigError(
                f"relation {name}: give one of invariant, bounded, monotone, equivariant; not {len(given)}"
            )
        if not self._mutators:
            raise ConfigError(f"relation {name}: name the mutators it speaks of")
        if not (within >= 0 and math.isfinite(within)) or (bounded is not None and not 0 <= bounded < math.inf):
            raise ConfigError(f"relation {name}: within and bounded are 0 or more")
        self._claim = claim_of(name, invariant, bounded, monotone, equivariant, within, -1.0 if falls else 1.0, neutral)

    def check(self, seen: Observation, reference: Observation, batch: Batch) -> Verdict:
        after, before = self._values(seen), self._values(reference)
        margins, keys = np.full(len(batch), np.nan, np.float32), np.zeros(len(batch), np.int64)
        good = (torch.isfinite(after).all(dim=1) & torch.isfinite(before).all(dim=1)).tolist()
        for row in range(len(batch)):
            chain = self._chain(batch, row)
            if chain and good[row]:
                margins[row] = self._claim.margin(before[row], after[row], chain)
                keys[row] = self._key(before[row], after[row], chain)
        return Verdict(torch.from_numpy(margins), torch.from_numpy(keys))

    def noise(self, floor: Floor) -> float:
        return margin_floor(floor)

    def explain(self, seen: Observation, reference: Observation, batch: Batch, row: int) -> dict[str, Any]:
        after, before, chain = self._values(seen)[row], self._values(reference)[row], self._chain(batch, row)
        classes = isinstance(self._claim, Classes)
        return {
            "expected": self._claim.expected(before, chain),
            "expected_from": "model",
            "observed": int(after.argmax()) if classes else plain(after),
            "relation": self.name,
            **({} if classes else {"change": "broken"}),
            "before": plain(before),
        }

    def describe(self) -> dict[str, Any]:
        """With "part", so that it is rebuilt from data alone; of a function, {}: its plugin must be there."""
        return {} if callable(self._arguments.get("equivariant")) else {"part": "relation", **self._arguments}

    def _chain(self, batch: Batch, row: int) -> Chain:
        """The row's chain, or () where it is not known or this relation does not speak of it."""
        chain = () if batch.chains is None else batch.chains(row)
        spoken = all(any(fnmatchcase(step.name, pattern) for pattern in self._mutators) for step in chain)
        return chain if spoken else ()

    def _values(self, seen: Observation) -> Tensor:
        """(B, values) on the host. Raises ConfigError where the answers are no numbers, or have no value `of`."""
        output = seen.outputs["main"]
        if not isinstance(output, Tensor):
            raise ConfigError(f"relation {self.name}: needs numbers; the target gives {type(output).__name__}")
        values = output.float().cpu().reshape(len(output), -1)
        if self._of is None:
            return values
        if not -values.shape[1] <= self._of < values.shape[1]:
            raise ConfigError(f"relation {self.name}: no value {self._of} in an answer of {values.shape[1]}")
        return values[:, self._of, None]

    def _key(self, before: Tensor, after: Tensor, chain: Chain) -> int:
        if not isinstance(self._claim, Classes):
            return 0
        return int(self._claim.expected(before, chain)) * len(after) + int(after.argmax())


def relation(name: str, **claim: Any) -> Relation:
    """Declare a relation and register it as an oracle of that name. Arguments as of `Relation`."""
    made = Relation(name, **claim)
    ORACLES.add(name, lambda: made)
    return made


def _without_defaults(**arguments: Any) -> dict[str, Any]:
    usual = {"invariant": False, "monotone": "", "within": 0.0, "falls": False, "neutral": 0.0}
    kept = {name: value for name, value in arguments.items() if value is not None and value != usual.get(name)}
    if isinstance(kept.get("equivariant"), tuple):
        kept["equivariant"] = list(kept["equivariant"])
    return kept


ORACLES.add("relation", Relation)
