"""Bits do not depend on the batch or the threads: beyond the laws, where lengths are odd and threads split rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from mlfuzz.mutators.base import MUTATORS

from .sounds import rows_of

NATIVE = [part.name for part in MUTATORS if part.modality == "audio" and part.kind != "codec" and not part.searched]


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", NATIVE)
def test_a_long_row_of_odd_length_is_the_same_alone_and_on_two_threads(name, two_threads):
    part = MUTATORS.get(name)
    data = torch.rand(3, 1, 35003, generator=torch.Generator().manual_seed(0)) - 0.5
    columns = part.draw(3, np.random.default_rng(1))
    both = part.apply(rows_of(data), columns).data
    torch.set_num_threads(1)
    assert torch.equal(part.apply(rows_of(data), columns).data, both)
    for row in (0, 2):
        alone = part.apply(rows_of(data[row : row + 1]), {key: value[row : row + 1] for key, value in columns.items()})
        assert torch.equal(alone.data[0], both[row])
