"""Where in the input of an operator each moment of its output comes from: how decisions are laid over each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlfuzz.mutation import Mutation

Moments: TypeAlias = NDArray[np.floating]
"""Seconds from the start; NaN where a moment comes from nowhere, as an inserted pause does."""


@dataclass(frozen=True, slots=True)
class Warp:
    """What one operator did to the time of one row.

    source: moments of the output -> moments of the input. seconds: how long the output is.
    """

    source: Callable[[Moments], Moments]
    seconds: float


TimeMap: TypeAlias = Callable[..., Warp]
"""(seconds of the input, **parameters as recorded) -> Warp; pure."""

TIME_MAPS: dict[str, TimeMap | None] = {}
"""Operators that move or bend time, as their declarations say; None: in a way that is not known."""


def known(chain: Sequence[Mutation]) -> bool:
    """Whether it is known what each operator of a chain does to time."""
    return all(TIME_MAPS.get(step.name, _kept) is not None for step in chain)


def warps(chain: Sequence[Mutation]) -> bool:
    """Whether any operator of a chain moves or bends time."""
    return any(step.name in TIME_MAPS for step in chain)


def traced(moments: Moments, chain: Sequence[Mutation], seconds: float, *, fixed: bool) -> Moments:
    """Moments of the mutant -> moments of its seed, which is `seconds` long; NaN where they come from nowhere.

    fixed: every operator's output is cut or filled to `seconds`. Raises KeyError where a map is not `known`.
    """
    steps: list[tuple[Warp, float]] = []
    for step in chain:
        if step.name in TIME_MAPS:
            warp = _warp(step.name, seconds, step.params)
            steps.append((warp, seconds))
            seconds = seconds if fixed else warp.seconds
    for warp, before in reversed(steps):
        sources = warp.source(np.where(moments < warp.seconds, moments, np.nan))
        moments = np.where((sources >= 0) & (sources < before), sources, np.nan)
    return moments


def _warp(name: str, seconds: float, params: Mapping[str, Any]) -> Warp:
    found = TIME_MAPS[name]
    if found is None:
        raise KeyError(name)
    return found(seconds, **params)


def _kept(seconds: float, **_: Any) -> Warp:
    return Warp(lambda moments: moments, seconds)
