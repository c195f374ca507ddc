from __future__ import annotations

import numpy as np
import pytest

from mlfuzz.errors import ConfigError
from mlfuzz.mutators.base import Mutator
from mlfuzz.mutators.limits.limits import FIXED_SEVERITY, DistanceLedger, Limits
from mlfuzz.mutators.param import Choice, Integer, LogReal, Real, Seed


def part(name: str, kind: str, **space: object) -> Mutator:
    return Mutator(f"image.{name}", space, lambda rows, **columns: rows, kind)  # type: ignore[arg-type]


NOISE = part("noise", "noise", sigma=Real(0.0, 0.2, neutral=0.0), seed=Seed())
BLUR = part("blur", "blur", width=Integer(0, 8, neutral=0))
GAIN = part("gain", "level", gain=LogReal(0.5, 2.0, neutral=1.0))
TURN = part("turn", "geometry", degrees=Real(-30.0, 30.0, neutral=0.0, sums="rotation"))
SHIFT = part(
    "shift",
    "geometry",
    right=Real(-0.1, 0.1, neutral=0.0, sums="shift"),
    down=Real(-0.1, 0.1, neutral=0.0, sums="shift"),
)
FLIP = part("flip", "flip", axis=Choice(("x", "y")))
ALL = [NOISE, BLUR, GAIN, TURN, SHIFT, FLIP]


def walk(
    ledger: DistanceLedger, parts: list[Mutator], steps: int, n: int = 200
) -> list[tuple[Mutator, object, np.ndarray]]:
    rng = np.random.default_rng(0)
    loads = np.zeros((n, ledger.width), np.float32)
    history = []
    for step in range(steps):
        which = parts[step % len(parts)]
        allowed = ledger.allow(which, which.draw(n, rng), loads)
        loads = allowed.loads
        history.append((which, allowed, loads.copy()))
    return history


def column(ledger: DistanceLedger, name: str) -> int:
    return ledger.columns.index(name)


def test_loads_never_pass_their_limits() -> None:
    limits = Limits(per_kind=0.8, total=1.5, steps=5, sums={"rotation": 20.0, "shift": 0.1}, uses={"blur": 1})
    ledger = DistanceLedger(limits, ALL)
    for _, _, loads in walk(ledger, ALL, 18):
        for name, most in (
            ("total", 1.5), ("steps", 5), ("uses:blur", 1), ("sum:rotation", 20), ("sum:shift", 0.1),
            ("sum:shift:1", 0.1), *((f"kind:{each.kind}", 0.8) for each in ALL),
        ):  # fmt: skip
            assert np.abs(loads[:, column(ledger, name)]).max() <= most + 1e-5, name


def test_severities_of_one_kind_add_up_along_a_chain() -> None:
    ledger = DistanceLedger(Limits(), ALL)
    sigma = np.asarray([0.05, 0.1], np.float32)
    columns = {"sigma": sigma, "seed": np.zeros(2, np.int64)}
    loads = np.zeros((2, ledger.width), np.float32)
    once = ledger.allow(NOISE, columns, loads)
    np.testing.assert_allclose(once.severity, [0.25, 0.5])
    twice = ledger.allow(NOISE, columns, once.loads)
    np.testing.assert_allclose(twice.loads[:, column(ledger, "kind:noise")], [0.5, 1.0])
    np.testing.assert_allclose(twice.loads[:, column(ledger, "steps")], [2, 2])
    third = ledger.allow(NOISE, columns, twice.loads)
    np.testing.assert_allclose(third.columns["sigma"], [0.05, 0.0], atol=1e-6)
    assert not third.dropped.any()


def test_a_copy_counts_no_step() -> None:
    ledger = DistanceLedger(Limits(steps=1), ALL)
    columns = {"sigma": np.asarray([0.1], np.float32), "seed": np.zeros(1, np.int64)}
    once = ledger.allow(NOISE, columns, np.zeros((1, ledger.width), np.float32))
    twice = ledger.allow(NOISE, columns, once.loads)
    assert twice.columns["sigma"][0] == 0
    assert twice.severity[0] == 0
    np.testing.assert_array_equal(once.loads, twice.loads)
    assert ledger.spent(twice.loads).all()
    assert not ledger.spent(np.zeros((1, ledger.width), np.float32)).any()


def test_an_operator_without_a_neutral_value_is_dropped_when_there_is_no_room() -> None:
    ledger = DistanceLedger(Limits(per_kind=2 * FIXED_SEVERITY), ALL)
    columns = {"axis": np.asarray(["x", "x"])}
    loads = np.zeros((2, ledger.width), np.float32)
    loads[1, column(ledger, "kind:flip")] = 0.6
    first = ledger.allow(FLIP, columns, loads)
    assert first.dropped.tolist() == [False, True]
    np.testing.assert_array_equal(first.loads[1], loads[1])
    third = ledger.allow(FLIP, columns, ledger.allow(FLIP, columns, first.loads).loads)
    assert third.dropped.all()


def test_a_signed_sum_lets_a_row_turn_back_but_not_further() -> None:
    ledger = DistanceLedger(Limits(per_kind=9, total=9, sums={"rotation": 30.0}), ALL)
    loads = np.zeros((3, ledger.width), np.float32)
    at = column(ledger, "sum:rotation")
    loads[:, at] = 25.0
    seen = ledger.allow(TURN, {"degrees": np.asarray([20.0, -20.0, 3.0], np.float32)}, loads)
    np.testing.assert_allclose(seen.columns["degrees"], [5.0, -20.0, 3.0], rtol=1e-5)
    np.testing.assert_allclose(seen.loads[:, at], [30.0, 5.0, 28.0], rtol=1e-5)


def test_two_parameters_of_one_sum_are_kept_apart() -> None:
    ledger = DistanceLedger(Limits(per_kind=9, total=9, sums={"shift": 0.1}), ALL)
    loads = np.zeros((1, ledger.width), np.float32)
    columns = {"right": np.asarray([0.08], np.float32), "down": np.asarray([-0.08], np.float32)}
    seen = ledger.allow(SHIFT, columns, ledger.allow(SHIFT, columns, loads).loads)
    np.testing.assert_allclose(seen.columns["right"], [0.02], rtol=1e-4)
    np.testing.assert_allclose(seen.columns["down"], [-0.02], rtol=1e-4)


def test_factors_add_up_in_the_logarithm() -> None:
    zoom = part("zoom", "geometry", factor=LogReal(0.5, 2.0, neutral=1.0, sums="zoom"))
    ledger = DistanceLedger(Limits(per_kind=9, total=9, sums={"zoom": float(np.log(2))}), [zoom])
    columns = {"factor": np.asarray([1.5], np.float32)}
    once = ledger.allow(zoom, columns, np.zeros((1, ledger.width), np.float32))
    twice = ledger.allow(zoom, columns, once.loads)
    assert float(twice.columns["factor"][0]) == pytest.approx(2 / 1.5, rel=1e-5)


def test_a_row_is_allowed_the_same_alone_and_among_others() -> None:
    ledger = DistanceLedger(Limits(), ALL)
    _, _, loads = walk(ledger, ALL, 4)[-1]
    for each in ALL:
        columns = each.draw(len(loads), np.random.default_rng(3))
        whole = ledger.allow(each, columns, loads)
        for row in range(0, len(loads), 17):
            only = slice(row, row + 1)
            alone = ledger.allow(each, {name: values[only] for name, values in columns.items()}, loads[only])
            np.testing.assert_array_equal(alone.loads, whole.loads[only])
            for name, values in alone.columns.items():
                np.testing.assert_array_equal(values, whole.columns[name][only])


def test_what_was_handed_in_is_left_alone() -> None:
    ledger = DistanceLedger(Limits(), ALL)
    loads = np.full((5, ledger.width), 0.9, np.float32)
    columns = NOISE.draw(5, np.random.default_rng(0))
    before = columns["sigma"].copy()
    ledger.allow(NOISE, columns, loads)
    assert (loads == np.float32(0.9)).all()
    np.testing.assert_array_equal(columns["sigma"], before)


def test_parameters_keep_the_types_they_are_recorded_in() -> None:
    ledger = DistanceLedger(Limits(per_kind=0.3), ALL)
    for each, allowed, _ in walk(ledger, ALL, 6):
        for name, values in allowed.columns.items():  # type: ignore[attr-defined]
            drawn = each.space[name].draw(1, np.random.default_rng(0))
            assert values.dtype == drawn.dtype


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"totl": 1}, "did you mean 'total'"),
        ({"total": 0}, "above 0"),
        ({"total": "much"}, "a number"),
        ({"steps": 1.5}, "steps"),
        ({"linf": 2.0}, "linf"),
        ({"sums": {"rotation": -1}}, "rotation"),
        ({"sums": 3}, "table"),
        ({"alpha_beta": [0.02]}, "alpha_beta"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_with_its_name(table: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Limits.of(table)


def test_a_table_of_the_configuration_becomes_limits() -> None:
    limits = Limits.of({"total": 3, "alpha_beta": [0.02, 0.2], "sums": {"rotation": 10}})
    assert limits == Limits(total=3, alpha_beta=(0.02, 0.2), sums={"rotation": 10})
    assert limits.by_distance
    assert not Limits.of({}).by_distance
