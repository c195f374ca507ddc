"""torch's generators, which belong to the process: a campaign seeds and uses them, and gives them back as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import torch
from torch import Tensor

States: TypeAlias = tuple[Tensor, list[Tensor]]


class OwnChance:
    """A state of their own for one campaign, which goes on from use to use."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._states: States | None = None

    @contextmanager
    def used(self) -> Iterator[None]:
        """Within, what is drawn is the campaign's; afterwards all is as it was, whatever ended it."""
        before = _states()
        if self._states is None:
            torch.manual_seed(self._seed)
        else:
            _restore(self._states)
        try:
            yield
        finally:
            self._states = _states()
            _restore(before)


def _states() -> States:
    used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return torch.get_rng_state(), torch.cuda.get_rng_state_all() if used else []


def _restore(states: States) -> None:
    torch.set_rng_state(states[0])
    for device, state in enumerate(states[1]):
        torch.cuda.set_rng_state(state, device)
