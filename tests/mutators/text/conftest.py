"""What the operators do to one text, many times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlfuzz.batch import TextRows
from mlfuzz.modality.text import Text
from mlfuzz.mutators.base import MUTATORS


@pytest.fixture
def mutants() -> Callable[..., list[str]]:
    """(operator, text, n) -> n mutants, at the end of the operator's range."""

    def make(name: str, text: str, n: int = 40, *, max_chars: int = 1000) -> list[str]:
        part = MUTATORS.get(name)
        rows = TextRows((text,) * n, Text(max_chars=max_chars))
        columns = {
            key: np.full_like(part.draw(n, np.random.default_rng(0))[key], param.high)
            for key, param in part.space.items()
        }
        return list(part.apply(rows, part.record(rows, columns, np.arange(n))).texts)

    return make
