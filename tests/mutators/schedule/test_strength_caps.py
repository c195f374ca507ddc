"""Severity limits of each seed and operator, learnt from what was too much."""

from __future__ import annotations

import numpy as np

from mlfuzz.mutators.base import MUTATORS
from mlfuzz.mutators.limits.limits import DistanceLedger, Limits
from mlfuzz.mutators.schedule.strength_caps import MILDER, StrengthCaps


def learn(caps: StrengthCaps, seed: int, severity: float, *, held: bool, name: str = "image.rotate") -> None:
    caps.learn(name, np.asarray([seed]), np.asarray([severity], np.float32), np.asarray([held]))


def most(caps: StrengthCaps, seed: int, name: str = "image.rotate") -> float:
    return float(caps.of(name, np.asarray([seed]))[0])


def test_what_was_too_much_lowers_the_cap_of_that_seed_and_operator_alone() -> None:
    caps = StrengthCaps(["image.rotate", "image.scale"], 3)
    learn(caps, 1, 0.8, held=False)
    assert np.isclose(most(caps, 1), MILDER * 0.8)
    assert most(caps, 0) == most(caps, 1, "image.scale") == 1.0


def test_what_has_held_is_never_forbidden() -> None:
    caps = StrengthCaps(["image.rotate"], 1)
    learn(caps, 0, 0.6, held=True)
    learn(caps, 0, 0.3, held=False)
    assert np.isclose(most(caps, 0), 0.6)


def test_caps_close_in_on_the_largest_severity_that_holds() -> None:
    caps, rng = StrengthCaps(["image.rotate"], 1), np.random.default_rng(0)
    for _ in range(300):
        severity = float(rng.uniform(0, most(caps, 0)))
        learn(caps, 0, severity, held=severity < 0.45)
    assert 0.38 < most(caps, 0) < 0.5


def test_an_operator_that_is_not_known_is_left_alone() -> None:
    caps = StrengthCaps(["image.rotate"], 1)
    learn(caps, 0, 0.5, held=False, name="image.replace")
    assert most(caps, 0) == 1.0


def test_a_capped_row_gets_a_milder_step() -> None:
    rotate = MUTATORS.get("image.rotate")
    ledger = DistanceLedger(Limits(), [rotate])
    columns = {"degrees": np.asarray([30.0, 30.0, -3.0], np.float32)}
    loads = np.zeros((3, ledger.width), np.float32)
    allowed = ledger.allow(rotate, columns, loads, most=np.asarray([1.0, 0.5, 0.5], np.float32))
    np.testing.assert_allclose(allowed.columns["degrees"], [30.0, 15.0, -3.0], rtol=1e-5)
