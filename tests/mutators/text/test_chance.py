from __future__ import annotations

from random import Random

import pytest

from mlfuzz.mutators.text.chance import Chance

SEEDS = (0, 1, 7, 2**31 - 1, 2**63 - 1)


@pytest.mark.parametrize("n", [1, 2, 5, 21, 22, 40, 120, 1000])
def test_it_draws_what_pythons_own_source_of_that_seed_draws(n: int) -> None:
    chance = Chance()
    for seed in SEEDS:
        chance.seed(seed)
        plain = Random(seed)
        for k in {0, 1, min(3, n), min(6, n), n // 2, n}:
            assert chance.sample(range(n), k) == plain.sample(range(n), k)
        assert chance.choice(range(n)) == plain.choice(range(n))
        assert chance.randrange(3, 3 + n) == plain.randrange(3, 3 + n)
        assert chance.randrange(n) == plain.randrange(n)
        assert chance.randint(2, 1 + n) == plain.randint(2, 1 + n)
        assert chance.random() == plain.random()
        assert chance.sample("ab", 3, counts=[n, 2]) == plain.sample("ab", 3, counts=[n, 2])


def test_it_begins_anew_whatever_was_drawn_before() -> None:
    chance = Chance()
    chance.seed(4)
    chance.gauss(0.0, 1.0)
    chance.seed(5)
    assert chance.gauss(0.0, 1.0) == Random(5).gauss(0.0, 1.0)


def test_what_cannot_be_drawn_raises_as_it_does_there() -> None:
    chance = Chance()
    chance.seed(1)
    with pytest.raises(IndexError):
        chance.choice([])
    with pytest.raises(ValueError, match="empty range"):
        chance.randrange(3, 3)
    with pytest.raises(ValueError, match="larger than population"):
        chance.sample([1, 2], 3)
