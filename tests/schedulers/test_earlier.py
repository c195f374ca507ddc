"""Schedulers of plugins that were written before keys and news were arguments still run."""

from __future__ import annotations

import numpy as np
import pytest

from mlfuzz.schedulers.base import SCHEDULERS, Informed, no_keys
from mlfuzz.schedulers.earlier import up_to_date
from mlfuzz.schedulers.uniform import Uniform
from mlfuzz.testing.schedulers import LAWS, a_scheduler_restored_after_a_batch_picks_the_same


class Old:
    """As plugins were told to write them."""

    name = "acme.old"

    def __init__(self):
        self.size, self.calls = 0, []

    def grow(self, seeds, gains, margins):
        self.size += len(seeds)
        self.calls.append("grow")

    def pick(self, n, rng):
        return rng.integers(0, self.size, n)

    def keep(self, seeds, margins):
        self.calls.append("keep")
        return np.zeros(len(seeds), np.bool_)

    def reward(self, picked, gains, margins):
        self.calls.append("reward")

    def retire(self, seeds): ...

    def state(self):
        return {"size": np.asarray([self.size])}

    def restore(self, state):
        self.size = max(self.size, int(state["size"][0]))


class Asking(Old, Informed):
    """One that asked to be told more, before each call."""

    def inform(self, keys, news):
        self.calls.append((keys.tolist(), news.tolist()))


class Half(Uniform):
    """Brought up to date in part."""

    name = "acme.half"

    def reward(self, picked, gains, margins): ...


def batch():
    margins = np.asarray([[1.0], [-1.0]], np.float32)
    return np.zeros(2, np.int64), np.zeros(2, np.float32), margins, np.asarray([[3], [5]])


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_an_earlier_scheduler_keeps_the_laws_and_is_warned_of(law):
    with pytest.warns(DeprecationWarning, match=r"acme\.old is written for an earlier mlfuzz"):
        law(Old)


def test_what_is_to_be_written_is_said_method_by_method():
    _, message = up_to_date(Old())
    assert "def grow(self, seeds, gains, margins, keys); def keep(self, seeds, margins, keys)" in message
    assert message.endswith("def reward(self, picked, gains, margins, keys, news)")
    assert up_to_date(Half())[1].endswith("write: def reward(self, picked, gains, margins, keys, news)")


def test_inform_of_its_own_is_told_before_each_call_as_it_was():
    inner = Asking()
    scheduler, _ = up_to_date(inner)
    seeds, gains, margins, keys = batch()
    scheduler.grow(seeds, gains, margins, keys)
    scheduler.keep(seeds, margins, keys)
    scheduler.reward(seeds, gains, margins, keys, np.asarray([1.0, 0.0]))
    known, blank = [[3], [5]], [0.0, 0.0]
    assert inner.calls == [(known, blank), "grow", (known, blank), "keep", (known, [1.0, 0.0]), "reward"]


def test_a_scheduler_of_today_is_left_as_it_is():
    for name in SCHEDULERS.names():
        scheduler = SCHEDULERS.get(name)()
        assert up_to_date(scheduler) == (scheduler, "")


def test_one_that_is_half_up_to_date_gets_what_each_method_takes():
    with pytest.warns(DeprecationWarning, match="def reward"):
        a_scheduler_restored_after_a_batch_picks_the_same(Half)


def test_no_keys_are_keys_of_rows_that_fail_alike():
    assert no_keys(np.full((2, 3), np.nan, np.float32)).tolist() == [[0, 0, 0], [0, 0, 0]]
