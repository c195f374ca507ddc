"""The lowest and highest value of each unit while profiling: what is usual for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlfuzz.errors import UsageError


class Ranges:
    """low, high, spread (standard deviation): (units,) each, of the rows given to `fit`.

    DeepGauge profiles the training set; here it is the seeds and their first mutants, unless the caller fits on more.
    """

    def __init__(self) -> None:
        self._parts: dict[str, Tensor] = {}

    def fit(self, values: Tensor) -> None:
        """values: (N, units), finite. No row at all gives empty ranges at 0."""
        rows = values if len(values) else values.new_zeros((1, values.shape[1]))
        low, high = torch.aminmax(rows, dim=0)
        self._parts = {"low": low, "high": high, "spread": rows.std(0, correction=0)}

    def on(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """low, high, spread. Raises UsageError where nothing was profiled."""
        if not self._parts:
            raise UsageError("this criterion needs the units' ranges: call fit() or restore() first")
        if self._parts["low"].device != device:
            self._parts = {name: part.to(device) for name, part in self._parts.items()}
        return self._parts["low"], self._parts["high"], self._parts["spread"]

    def empty_units(self) -> NDArray[np.bool_]:
        """Units (units,) that never moved."""
        low, high, _ = self.on(torch.device("cpu"))
        return (low >= high).numpy()

    def state(self) -> dict[str, NDArray[Any]]:
        return {name: part.cpu().numpy() for name, part in self._parts.items()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        self._parts = {name: torch.from_numpy(np.array(part, np.float32)) for name, part in state.items()}
