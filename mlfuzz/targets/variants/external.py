"""Variants that somebody else made: an older checkpoint, a pruned module, another model of the same task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mlfuzz.batch import Rows
from mlfuzz.errors import TargetError
from mlfuzz.observation import Observation, Output
from mlfuzz.targets.load import load
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.targets.variants.base import MAIN, VARIANTS, module_of


class Other:
    """Another target, handed the same natural inputs; its classes are put in the order of this one's."""

    remedy = "the other target must take the same inputs; mlfuzz check tells of each alone"

    def __init__(self, name: str, target: Any, other: Any) -> None:
        self.name = name
        self._other = other
        self._order = _order(name, target, other)
        takes, wanted = (f"{one.modality.name} {one.modality.describe()}" for one in (other, target))
        if takes != wanted:
            raise TargetError(
                f"variant {name}: {other.name} takes {takes}, and {target.name} takes {wanted}; "
                "they must take the same inputs"
            )

    @property
    def digest(self) -> str:
        return str(self._other.digest)

    @property
    def digest_before(self) -> str:
        return str(getattr(self._other, "digest_before", self._other.digest))

    def answer(self, rows: Rows, seen: Observation) -> Mapping[str, Output]:
        if torch.is_grad_enabled() and not torch.is_inference_mode_enabled() and isinstance(self._other, ModuleTarget):
            from mlfuzz.targets.variants.base import plain

            arguments, keywords = self._other.inputs(rows)
            main = plain(self._other.call(*arguments, **keywords), len(rows), self._other)
        else:
            main = self._other.run(rows).outputs["main"]
        return {MAIN: main[:, self._order] if self._order and isinstance(main, Tensor) else main}


def _order(name: str, target: Any, other: Any) -> list[int]:
    """Column of the other's scores for each of the target's labels; [] where they stand alike already."""
    ours, theirs = tuple(target.labels), tuple(other.labels)
    if ours == theirs or not ours or not theirs:
        return []
    if set(ours) != set(theirs):
        raise TargetError(f"variant {name}: {target.name} has labels {list(ours)}, {other.name} has {list(theirs)}")
    return [theirs.index(label) for label in ours]


def checkpoint(target: Any, argument: str) -> Other:
    """Another target by its "module:attribute", an older checkpoint say; the name alone will do: "differ:zoo:old"."""
    if ":" not in argument:
        raise TargetError(f"variant checkpoint: name another target, module:attribute, not {argument!r}")
    return Other(argument, target, load(argument, device=str(target.device)))


def own(target: Any, argument: str) -> Other:
    """A form that the target brings along: ModuleTarget(..., variants={"pruned": module})."""
    other = target.variants[argument]
    if isinstance(other, nn.Module):
        like = module_of(target, argument)
        other = ModuleTarget(
            f"{target.name}/{argument}", target.modality, other, preprocess=like.preprocess, labels=target.labels,
            layers=(), device=target.device, task=like.answers.declared,
        )  # fmt: skip
    elif not hasattr(other, "run"):
        raise TargetError(
            f"variant {argument} of target {target.name} is a {type(other).__name__}; give a module or a target"
        )
    return Other(argument, target, other)


VARIANTS.add("checkpoint", checkpoint)
VARIANTS.add("own", own)
