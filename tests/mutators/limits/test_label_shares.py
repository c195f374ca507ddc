"""What a chain leaves of labels, by what was measured."""

from __future__ import annotations

import pytest

from mlfuzz.mutation import Mutation
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.mutators.limits.label_shares import share_kept, shares


def test_every_operator_of_the_table_is_one_and_its_shares_are_some():
    for name, known in shares().items():
        assert name in MUTATORS.names()
        assert all(0 < share < 1 for share in known)


def test_a_chain_is_the_product_of_its_steps_between_what_was_measured():
    quarter, half, full = shares()["text.styled"]
    one, two = Mutation("text.styled", {}), Mutation("text.upper", {})
    assert share_kept((one,), lambda _: 1.0) == pytest.approx(full)
    assert share_kept((one,), lambda _: 0.375) == pytest.approx((quarter + half) / 2)
    assert share_kept((one,), lambda _: None) == pytest.approx(full)
    assert share_kept((one,), lambda _: 0.0) == 1
    assert share_kept((one, two), lambda _: 1.0) == pytest.approx(full * shares()["text.upper"][2])
    assert share_kept((), lambda _: 1.0) == 1
    assert share_kept((one, Mutation("text.mine", {})), lambda _: 1.0) is None
