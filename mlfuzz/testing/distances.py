"""What every distance owes the limits: laws as functions, and `DistanceLaws` to inherit from.

    class TestMine(DistanceLaws):
        def distance(self):
            return MyDistance()

        def modality(self):
            return Mine(length=12)

Each law is a function (distance, modality) that raises AssertionError with what broke it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import torch

from mlfuzz.batch import Rows, TensorRows, from_payloads
from mlfuzz.modality.base import Modality, magnitude
from mlfuzz.mutators.limits.distance import Distance
from mlfuzz.mutators.limits.limits import DISTANCES, Limits
from mlfuzz.testing.rows import example_rows

Law: TypeAlias = Callable[[Distance, Modality], None]

ROWS = 12

RANGES: dict[str, tuple[Any, ...]] = {
    "linf": (1e-6, 0.05, 0.3, 1.0), "l0": (1e-6, 0.05, 0.3, 1.0), "ssim": (1.0, 0.9, 0.5, 1e-6),
    "alpha_beta": ((1e-6, 1e-6), (0.02, 0.05), (0.2, 0.3), (1.0, 1.0)), "snr": (999.0, 30.0, 5.0, -999.0),
    "edit_distance": (1e-6, 0.05, 0.3, 1.0), "words_share": (1e-6, 0.05, 0.3, 1.0),
}  # fmt: skip
"""Of each limit values from the narrowest, which lets nothing by that is not the seed, to the widest."""


def it_says_what_it_measures(distance: Distance, modality: Modality) -> None:
    assert distance.measures, "without a measure it is no distance"
    unknown = set(distance.measures) - set(DISTANCES)
    assert not unknown, f"no limits are called {sorted(unknown)}; there are {', '.join(DISTANCES)}"
    word, least = distance.like
    assert word
    assert np.isfinite(least)
    assert isinstance(distance.moving, frozenset)


def a_seed_is_within_any_limit_of_itself(distance: Distance, modality: Modality) -> None:
    rows = example_rows(modality, ROWS)
    for name in distance.measures:
        for value in RANGES[name]:
            assert _within(distance, rows, rows, name, value).all(), f"a seed is not within {name} {value} of itself"
    assert (distance.likeness(rows, rows) >= distance.like[1]).all(), "a seed does not pass for itself"


def another_input_is_beyond_the_narrowest_limit(distance: Distance, modality: Modality) -> None:
    rows, roots = _apart(modality)
    for name in distance.measures:
        assert not _within(distance, rows, roots, name, RANGES[name][0]).any(), f"{name} lets anything by"


def a_wider_limit_lets_by_what_a_narrower_one_does(distance: Distance, modality: Modality) -> None:
    rows, roots = _near(modality)
    for name in distance.measures:
        seen = [_within(distance, rows, roots, name, value) for value in RANGES[name]]
        for narrow, wide in pairwise(seen):
            assert (wide | ~narrow).all(), f"a wider {name} refuses what a narrower one lets by"


def limits_hold_together(distance: Distance, modality: Modality) -> None:
    """What is within two limits is within each; none that is set is left out."""
    rows, roots = _near(modality)
    single = {name: RANGES[name][2] for name in distance.measures}
    each = np.stack([_within(distance, rows, roots, name, value) for name, value in single.items()])
    both = distance.check(rows, roots, Limits(**single), kind="").cpu().numpy()
    assert np.array_equal(both, each.all(0))


def what_is_clipped_is_within_and_on_the_grid(distance: Distance, modality: Modality) -> None:
    rows, roots = _apart(modality)
    assert _same(distance.clip(rows, roots, Limits()), rows), "clips without a limit to clip to"
    if "linf" not in distance.measures or not isinstance(rows, TensorRows):
        return
    for linf in RANGES["linf"][1:]:
        limits = Limits(linf=linf)
        clipped = distance.clip(rows, roots, limits)
        assert isinstance(clipped, TensorRows)
        assert distance.check(clipped, roots, limits, kind="").all(), f"clipped to linf {linf} and yet beyond it"
        assert _same(clipped, clipped.project()), "off the grid"
        assert _same(clipped, distance.clip(clipped, roots, limits)), "clipped again it moves on"
        if isinstance(roots, TensorRows):
            farthest = float((clipped.data - roots.data).abs().max())
            assert farthest <= linf * magnitude(modality) + 1e-5, "linf is a share of full scale"


def a_row_is_measured_the_same_in_any_batch(distance: Distance, modality: Modality) -> None:
    rows, roots = _near(modality)
    limits = Limits(**{name: RANGES[name][2] for name in distance.measures})
    whole, like = distance.check(rows, roots, limits, kind=""), distance.likeness(rows, roots)
    assert whole.shape == like.shape == (len(rows),)
    assert whole.dtype == torch.bool
    for row in range(len(rows)):
        at = np.asarray([row])
        one, other = rows.take(at), roots.take(at)
        assert bool(distance.check(one, other, limits, kind="")[0]) == bool(whole[row])
        assert torch.allclose(distance.likeness(one, other)[0], like[row], rtol=1e-5, atol=1e-5)


def what_is_measured_is_left_as_it_was(distance: Distance, modality: Modality) -> None:
    rows, roots = _near(modality)
    limits = Limits(**{name: RANGES[name][1] for name in distance.measures})
    before = _all(rows), _all(roots)
    distance.check(rows, roots, limits, kind="")
    distance.clip(rows, roots, limits)
    distance.likeness(rows, roots)
    for was, now in zip(before, (_all(rows), _all(roots)), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(was, now, strict=True))


def what_is_liker_has_a_higher_likeness(distance: Distance, modality: Modality) -> None:
    rows, roots = _apart(modality)
    like, unlike = distance.likeness(roots, roots), distance.likeness(rows, roots)
    assert (like > unlike).all(), f"another input is as like a seed as the seed: {unlike.tolist()}"


LAWS: tuple[Law, ...] = (
    it_says_what_it_measures,
    a_seed_is_within_any_limit_of_itself,
    another_input_is_beyond_the_narrowest_limit,
    a_wider_limit_lets_by_what_a_narrower_one_does,
    limits_hold_together,
    what_is_clipped_is_within_and_on_the_grid,
    a_row_is_measured_the_same_in_any_batch,
    what_is_measured_is_left_as_it_was,
    what_is_liker_has_a_higher_likeness,
)


class DistanceLaws:
    """Inherit, give `distance` and `modality`; pytest collects the laws."""

    def distance(self) -> Distance:
        raise NotImplementedError("give the distance to check")

    def modality(self) -> Modality:
        raise NotImplementedError("give the modality that it measures")

    def test_it_keeps_the_laws_of_distances(self) -> None:
        for law in LAWS:
            law(self.distance(), self.modality())


def _apart(modality: Modality) -> tuple[Rows, Rows]:
    """Inputs that are wholly different from their roots, and as long."""
    roots = example_rows(modality, ROWS)
    if isinstance(roots, TensorRows) and roots.lengths is not None:
        payloads = _all(roots)
        others = [np.resize(other, own.shape) for own, other in zip(payloads, payloads[1:] + payloads[:1], strict=True)]
        return from_payloads(others, modality, torch.device("cpu")), roots
    return roots.take((np.arange(ROWS) + 1) % ROWS), roots


def _near(modality: Modality) -> tuple[Rows, Rows]:
    """Rows from next to their roots to far from them."""
    rows, roots = _apart(modality)
    if isinstance(rows, TensorRows) and isinstance(roots, TensorRows):
        shares = torch.linspace(0, 1, ROWS).reshape(-1, *[1] * (rows.data.dim() - 1)) ** 3
        return rows.with_data(roots.data + (rows.data - roots.data) * shares, roots.lengths).project(), roots
    return roots.take((np.arange(ROWS) + np.arange(ROWS) % 2) % ROWS), roots


def _within(distance: Distance, rows: Rows, roots: Rows, name: str, value: Any) -> np.ndarray[Any, Any]:
    seen: np.ndarray[Any, Any] = distance.check(rows, roots, Limits(**{name: value}), kind="").cpu().numpy()
    return seen


def _all(rows: Rows) -> list[np.ndarray[Any, Any]]:
    return [np.array(each) for each in rows.payloads(np.arange(len(rows)))]


def _same(one: Rows, other: Rows) -> bool:
    return all(np.array_equal(one.payload(row), other.payload(row)) for row in range(len(other)))
