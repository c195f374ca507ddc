"""What is known of the traces of each class, and how surprising a row is against it.

Source: Kim, Feldt and Yoo, Guiding Deep Learning System Testing using Surprise Adequacy, ICSE 2019 (LSA, DSA: sections
3.2 and 3.3); Kim et al., Reducing DNN Labelling Cost using Surprise Adequacy, FSE 2020, section 3 (MDSA).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

SHRINKAGE = 0.01
"""Share of the mean variance added to each: a class has fewer traces than units, its covariance no inverse."""


class Profile(Protocol):
    """What is known of the classes' traces, and how surprising a row is against it."""

    def fit(self, traces: Tensor, classes: Tensor) -> None:
        """traces (N, D), classes (N,) int64."""

    def score(self, rows: Tensor, classes: Tensor) -> Tensor:
        """(B,) surprise; infinity where the row's class was not profiled."""

    def state(self) -> dict[str, Tensor]: ...

    def restore(self, state: Mapping[str, Tensor]) -> None: ...


class NearestTraces:
    """DSA: distance to the nearest trace of the own class, over that trace's distance to the nearest other class."""

    def __init__(self) -> None:
        self._parts: dict[str, Tensor] = {}

    def fit(self, traces: Tensor, classes: Tensor) -> None:
        apart = torch.cdist(traces, traces).masked_fill_(classes[:, None] == classes, float("inf"))
        others = apart.amin(1).clamp_min(1e-12) if len(traces) else traces.new_zeros(0)
        self._parts = {"traces": traces, "classes": classes, "others": others}

    def score(self, rows: Tensor, classes: Tensor) -> Tensor:
        traces, known, others = (_on(self._parts, name, rows.device) for name in ("traces", "classes", "others"))
        if not len(traces):
            return rows.new_full((len(rows),), float("inf"))
        apart = torch.cdist(rows, traces).masked_fill_(classes[:, None] != known, float("inf"))
        least, at = apart.min(1)
        # Once more by subtraction: the matrix product that finds the nearest loses what is near 0.
        own = torch.linalg.vector_norm(rows - traces[at], dim=1)
        return torch.where(torch.isinf(least), least, own / others[at])

    def state(self) -> dict[str, Tensor]:
        return self._parts

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self._parts = dict(state)


class Mahalanobis:
    """MDSA: distance from the mean of the class's traces, in standard deviations along each of its directions."""

    def __init__(self) -> None:
        self._parts: dict[str, Tensor] = {}

    def fit(self, traces: Tensor, classes: Tensor) -> None:
        known, counts = torch.unique(classes, return_counts=True)
        known = known[counts >= 2]
        means, whitenings = [], []
        for label in known.tolist():
            own = traces[classes == label].double()
            means.append(own.mean(0))
            whitenings.append(_whitening(own - own.mean(0)))
        width = traces.shape[1]
        self._parts = {
            "known": known,
            "means": torch.stack(means).float() if means else traces.new_zeros((0, width)),
            "whitenings": torch.stack(whitenings).float() if means else traces.new_zeros((0, width, width)),
        }

    def score(self, rows: Tensor, classes: Tensor) -> Tensor:
        return self._by_class(rows, classes, lambda white, _: torch.linalg.vector_norm(white, dim=1))

    def state(self) -> dict[str, Tensor]:
        return self._parts

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self._parts = dict(state)

    def _by_class(self, rows: Tensor, classes: Tensor, score: Callable[[Tensor, int], Tensor]) -> Tensor:
        known, means, whitenings = (_on(self._parts, name, rows.device) for name in ("known", "means", "whitenings"))
        found = rows.new_full((len(rows),), float("inf"))
        for at, label in enumerate(known.tolist()):
            own = (classes == label).nonzero().flatten()
            if len(own):
                found[own] = score((rows[own] - means[at]) @ whitenings[at], at)
        return found


class Density(Mahalanobis):
    """LSA: minus the logarithm of a Gaussian kernel density of the class's traces, with Scott's bandwidth."""

    def fit(self, traces: Tensor, classes: Tensor) -> None:
        super().fit(traces, classes)
        white = torch.full_like(traces, float("inf"))
        for at, label in enumerate(self._parts["known"].tolist()):
            own = classes == label
            white[own] = (traces[own] - self._parts["means"][at]) @ self._parts["whitenings"][at]
        self._parts |= {"white": white, "classes": classes}

    def score(self, rows: Tensor, classes: Tensor) -> Tensor:
        return self._by_class(rows, classes, self._surprise)

    def _surprise(self, white: Tensor, at: int) -> Tensor:
        label = self._parts["known"][at]
        traces = _on(self._parts, "white", white.device)[_on(self._parts, "classes", white.device) == label]
        count, width = traces.shape
        bandwidth = count ** (-1.0 / (width + 4))
        apart = torch.cdist(white, traces) / bandwidth
        whitening = _on(self._parts, "whitenings", white.device)[at]
        # Constants of the kernel stay in: classes are compared with each other.
        constant = np.log(count) + width * (np.log(bandwidth) + 0.5 * np.log(2 * np.pi))
        volume: Tensor = torch.linalg.slogdet(whitening).logabsdet
        return torch.logsumexp(-0.5 * apart.square(), 1).neg_().add_(constant - volume)


def _whitening(centred: Tensor) -> Tensor:
    """(D, D) that gives the rows (n, D) unit covariance."""
    width = centred.shape[1]
    covariance = centred.T @ centred / len(centred)
    floor = SHRINKAGE * float(covariance.diagonal().mean()) or 1.0
    unit = torch.eye(width, dtype=centred.dtype)
    inverse: Tensor = torch.linalg.solve_triangular(torch.linalg.cholesky(covariance + floor * unit), unit, upper=False)
    return inverse.T


def _on(parts: dict[str, Tensor], name: str, device: torch.device) -> Tensor:
    if parts[name].device != device:
        parts[name] = parts[name].to(device)
    return parts[name]
