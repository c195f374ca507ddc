"""How many labels a step leaves, by what another model has seen: what an opinion on a chain follows from.

label_shares.json holds, for each operator, the share of natural inputs whose label the robust twins still see at a
quarter, a half and full strength (`scripts/bench label_effect --judge robust --draws 2 --write`): models that are none
of a user's, on digits, words and sentences.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import TypeAlias

import numpy as np

from mlfuzz.mutation import Chain, Mutation

STRENGTHS = (0.0, 0.25, 0.5, 1.0)

Severity: TypeAlias = Callable[[Mutation], float | None]
"""Of a step, in [0, 1] of its operator's range; None of one that has no scale: it counts as at full strength."""


@cache
def shares() -> Mapping[str, tuple[float, float, float]]:
    """Operator -> shares at a quarter, a half and full strength."""
    text = (files("mlfuzz.mutators.limits") / "label_shares.json").read_text("utf-8")
    return {name: (one[0], one[1], one[2]) for name, one in json.loads(text).items()}


def share_kept(chain: Chain, severity: Severity) -> float | None:
    """Share of inputs that keep their label along such a chain, its steps taken as independent.

    None where an operator was not measured, a plugin's say.
    """
    whole = 1.0
    for step in chain:
        if (known := shares().get(step.name)) is None:
            return None
        strength = severity(step)
        whole *= float(np.interp(1.0 if strength is None else strength, STRENGTHS, (1.0, *known)))
    return whole
