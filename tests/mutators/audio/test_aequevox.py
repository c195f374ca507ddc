"""The paper's ranges are ranges of our operators."""

from __future__ import annotations

import numpy as np
import pytest

from mlfuzz.mutators.audio.aequevox import AEQUEVOX, draw
from mlfuzz.mutators.base import MUTATORS

from .sounds import chirp, rows_of


@pytest.mark.parametrize("name", AEQUEVOX)
def test_what_is_drawn_can_be_recorded_and_changes_the_sound(name):
    part = MUTATORS.get(name)
    assert set(AEQUEVOX[name]) == set(part.space)
    rows = rows_of(chirp().expand(8, 1, -1).clone())
    columns = draw(name, 8, np.random.default_rng(0))
    like = part.draw(8, np.random.default_rng(0))
    for param, values in columns.items():
        assert values.dtype == like[param].dtype
        assert all(part.space[param].admits(value) for value in values.tolist())
    assert (part.apply(rows, columns).data != rows.data).any()
