"""What every oracle owes the loop: laws as functions, and `OracleLaws` to inherit from.

    class TestMine(OracleLaws):
        def oracle(self):
            return Mine(bound=0.1)

        def example(self):
            return examples.values()

Each law is a function (make, example) that raises AssertionError with what broke it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from mlfuzz.observation import Observation, Output, Ragged
from mlfuzz.oracles.base import Floor, Oracle, Verdict, rebuild
from mlfuzz.testing import examples
from mlfuzz.testing.examples import Example

Make: TypeAlias = Callable[[], Oracle]
Law: TypeAlias = Callable[[Make, Example], None]


def it_says_what_it_is(make: Make, example: Example) -> None:
    oracle = make()
    assert oracle.name
    assert oracle.unit
    assert oracle.where in ("device", "host")
    assert isinstance(oracle.relative, bool)


def a_seed_against_itself_never_fails(make: Make, example: Example) -> None:
    verdict = _check(make(), example.reference, example)
    assert not verdict.failed.any(), f"fails seeds: margins {verdict.margin.tolist()}"


def a_verdict_has_one_margin_and_one_key_a_row(make: Make, example: Example) -> None:
    verdict = _check(make(), example.seen, example)
    assert verdict.margin.shape == verdict.keys.shape == (len(example.batch),)
    assert verdict.margin.dtype == torch.float32
    assert verdict.keys.dtype == torch.int64
    assert int(verdict.keys.min()) >= 0


def a_margin_is_above_zero_exactly_where_the_row_is_wrong(make: Make, example: Example) -> None:
    """`example.wrong` says which rows were made to fail: None leaves the law out."""
    if example.wrong is None:
        return
    verdict = _check(make(), example.seen, example)
    assert verdict.failed.tolist() == example.wrong.tolist(), f"margins {verdict.margin.tolist()}"
    assert verdict.judged.any()


def a_row_is_judged_the_same_in_any_batch(make: Make, example: Example) -> None:
    whole = _check(make(), example.seen, example)
    backwards = np.arange(len(example.batch))[::-1].copy()
    for rows in ([row] for row in range(len(example.batch))):
        _require_same(whole, example, make, np.asarray(rows))
    _require_same(whole, example, make, backwards)
    _require_same(whole, example, make, np.asarray([0, *range(len(example.batch))]))


def numbers_that_are_none_are_unjudged_or_failed(make: Make, example: Example) -> None:
    for value in (float("nan"), float("inf"), float("-inf")):
        seen = _spoilt(example.seen, value)
        if seen is None:
            return
        margin = _check(make(), seen, example).margin[0]
        complaint = f"{value} in the output gave margin {float(margin)}"
        assert torch.isnan(margin) or margin > 0 or value < 0, complaint  # -inf may be the score of a masked class
        reference = _spoilt(example.reference, value)
        assert reference is not None
        _check(make(), example.seen, replace(example, reference=reference))


def rows_that_may_have_lost_their_meaning_never_fail_by_comparison(make: Make, example: Example) -> None:
    """A relative oracle cannot blame a row whose label an operator may have changed, unless it says so itself."""
    oracle = make()
    if not oracle.relative or getattr(oracle, "judges_any_chain", False):
        return
    lost = replace(example.batch, invariant=np.zeros(len(example.batch), np.bool_))
    verdict = oracle.check(example.seen, example.reference, lost)
    complaint = "judges rows whose label may be lost: give NaN unless batch.invariant, or say judges_any_chain = True"
    assert not verdict.judged.any(), complaint


def what_is_judged_is_left_as_it_was(make: Make, example: Example) -> None:
    before = [_copied(example.seen), _copied(example.reference)]
    oracle = make()
    _check(oracle, example.seen, example)
    oracle.explain(example.seen, example.reference, example.batch, 0)
    assert all(_same(one, other) for one, other in zip(before, (example.seen, example.reference), strict=True))


def its_description_rebuilds_it(make: Make, example: Example) -> None:
    """Through JSON, as a finding keeps it."""
    oracle = make()
    description = json.loads(json.dumps({"name": oracle.name, **oracle.describe()}))
    again = rebuild(description)
    assert (again.name, again.unit, again.describe()) == (oracle.name, oracle.unit, oracle.describe())
    _require_equal(_check(oracle, example.seen, example), _check(again, example.seen, example), exact=True)


def it_explains_each_row_as_json(make: Make, example: Example) -> None:
    oracle = make()
    for row in range(len(example.batch)):
        details = oracle.explain(example.seen, example.reference, example.batch, row)
        assert {"expected", "observed"} <= details.keys()
        json.dumps(details)


def noise_is_a_margin_and_grows_with_the_floor(make: Make, example: Example) -> None:
    oracle = make()
    quiet, loud = oracle.noise(Floor(0.0, 0.0)), oracle.noise(Floor(1e-3, 1.0))
    assert 0.0 <= quiet <= loud < float("inf")


LAWS: tuple[Law, ...] = (
    it_says_what_it_is,
    a_seed_against_itself_never_fails,
    a_verdict_has_one_margin_and_one_key_a_row,
    a_margin_is_above_zero_exactly_where_the_row_is_wrong,
    a_row_is_judged_the_same_in_any_batch,
    numbers_that_are_none_are_unjudged_or_failed,
    rows_that_may_have_lost_their_meaning_never_fail_by_comparison,
    what_is_judged_is_left_as_it_was,
    its_description_rebuilds_it,
    it_explains_each_row_as_json,
    noise_is_a_margin_and_grows_with_the_floor,
)


class OracleLaws:
    """Inherit, give `oracle` and, where it judges no class scores, `example`; pytest collects the laws."""

    def oracle(self) -> Oracle:
        raise NotImplementedError("give the oracle to judge")

    def example(self) -> Example:
        return examples.scores()

    def test_it_keeps_the_laws_of_oracles(self) -> None:
        for law in LAWS:
            law(self.oracle, self.example())


def _check(oracle: Oracle, seen: Observation, example: Example) -> Verdict:
    return oracle.check(seen, example.reference, example.batch)


def _require_same(whole: Verdict, example: Example, make: Make, rows: np.ndarray[Any, np.dtype[np.int64]]) -> None:
    part = example.take(rows)
    index = torch.from_numpy(rows)
    _require_equal(Verdict(whole.margin[index], whole.keys[index]), _check(make(), part.seen, part))


def _require_equal(one: Verdict, other: Verdict, *, exact: bool = False) -> None:
    tolerance = 0.0 if exact else 1e-5
    assert torch.allclose(one.margin, other.margin, rtol=tolerance, atol=tolerance, equal_nan=True)
    assert torch.equal(one.failed, other.failed)
    assert torch.equal(one.keys[one.judged], other.keys[other.judged])


def _spoilt(seen: Observation, value: float) -> Observation | None:
    """The first number of the first row replaced; None where the main output is text."""
    main = seen.outputs["main"]
    if isinstance(main, Tensor):
        spoilt: Output = _with_first(main, value)
    elif isinstance(main, Ragged) and main.values.is_floating_point():
        spoilt = Ragged(_with_first(main.values, value), main.lengths)
    else:
        return None
    return replace(seen, outputs={**seen.outputs, "main": spoilt})


def _with_first(values: Tensor, value: float) -> Tensor:
    changed = values.clone()
    changed.view(len(values), -1)[0, 0] = value
    return changed


def _copied(seen: Observation) -> Observation:
    return seen.take(np.arange(len(seen.activations)))


def _same(one: Observation, other: Observation) -> bool:
    return _equal(one.activations, other.activations) and all(
        _same_output(one.outputs[name], other.outputs[name]) for name in one.outputs
    )


def _same_output(one: Output, other: Output) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return _equal(one, other)
    if isinstance(one, Ragged) and isinstance(other, Ragged):
        return _equal(one.values, other.values) and _equal(one.lengths, other.lengths)
    return one == other


def _equal(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=0.0, atol=0.0, equal_nan=True)
