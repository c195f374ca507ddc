"""How severe each operator may be on each seed: learnt from what was too much."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlfuzz.batch import Indices

MILDER = 0.85
"""Of the severity that was too much: the next try's most. Known to be good is never forbidden."""


class StrengthCaps:
    """Tables (seeds, operators) of severities in [0, 1]: the most that may be drawn, and the most that has held so far.

    Too much is what lies beyond a limit, or what the reference models no longer call what the seed is called.
    """

    def __init__(self, names: Sequence[str], seeds: int) -> None:
        self._number = {name: number for number, name in enumerate(names)}
        self.most = np.ones((seeds, len(names)), np.float32)
        self._good = np.zeros((seeds, len(names)), np.float32)

    def of(self, name: str, seeds: Indices) -> NDArray[np.float32]:
        """The most severe step that operator may take on these rows (B,)."""
        found: NDArray[np.float32] = self.most[seeds, self._number[name]]
        return found

    def learn(self, name: str, seeds: Indices, severity: NDArray[np.float32], held: NDArray[np.bool_]) -> None:
        """What became of rows (B,) that the operator acted on last: their severity, and whether they held."""
        number = self._number.get(name)
        if number is None:
            return
        np.maximum.at(self._good[:, number], seeds[held], severity[held])
        np.minimum.at(self.most[:, number], seeds[~held], np.float32(MILDER) * severity[~held])
        np.maximum(self.most[:, number], self._good[:, number], out=self.most[:, number])
