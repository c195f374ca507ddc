"""One batch: made and run, evaluated, admitted, rewarded."""

from __future__ import annotations

import numpy as np
import pytest

import mlfuzz
from mlfuzz.campaign.loop.evaluate import evaluate
from mlfuzz.campaign.worker.campaign import Campaign
from mlfuzz.testing.puzzles import flip_when_corner_bright, puzzle_seeds, sound


class Watched:
    """A scheduler that notes what it is told, and in which order."""

    def __init__(self, inner):
        self._inner, self.calls = inner, []

    def __getattr__(self, name):
        method = getattr(self._inner, name)
        if name not in ("keep", "grow", "retire", "reward"):
            return method

        def noted(*arguments):
            answer = method(*arguments)
            self.calls.append((name, arguments, answer))
            return answer

        return noted


def opened(folder, target, **options):
    puzzle_seeds(folder / "seeds")
    return Campaign.open(folder / "c", target, seeds=folder / "seeds", seed=3, batch=64, **options)


def watched(campaign) -> Watched:
    scheduler = Watched(campaign.loop.parts.scheduler)
    object.__setattr__(campaign.loop.parts, "scheduler", scheduler)
    return scheduler


@pytest.fixture
def campaign(tmp_path):
    with opened(tmp_path, flip_when_corner_bright()) as made:
        yield made


def test_the_scheduler_is_told_of_a_batch_in_one_order_with_all_that_each_call_is_about(campaign):
    scheduler = watched(campaign)
    while not any(name == "retire" for name, _, _ in scheduler.calls):
        scheduler.calls.clear()
        campaign.loop.step()
    names = [name for name, _, _ in scheduler.calls]
    assert names == [name for name in ("keep", "grow", "retire", "reward") if name in names]
    calls = {name: arguments for name, arguments, _ in scheduler.calls}
    seeds, margins, keys = calls["keep"]
    picked, gains, again, same, news = calls["reward"]
    assert again is margins
    assert same is keys
    assert len(seeds) == len(picked) == len(gains) == len(news) == 64
    assert news[~(margins > 0).any(axis=1)].max(initial=0.0) == 0.0


def test_entries_are_the_rows_that_gained_or_are_wanted_and_none_that_failed(campaign):
    scheduler = watched(campaign)
    for _ in range(6):
        before = len(campaign.corpus)
        scheduler.calls.clear()
        campaign.loop.step()
        calls = {name: (arguments, answer) for name, arguments, answer in scheduler.calls}
        (_, margins, _), wanted = calls["keep"]
        gains = calls["reward"][0][1]
        kept = ((gains > 0) | wanted) & ~(margins > 0).any(axis=1)
        assert len(campaign.corpus) - before == np.count_nonzero(kept)
        assert not gains[(margins > 0).any(axis=1)].any()


def test_rows_beyond_a_limit_are_neither_judged_nor_kept_nor_saved(campaign):
    executed = campaign.loop.launch()
    executed.mutated.dropped[:] = True
    before = len(campaign.corpus)
    campaign.loop.finish(executed)
    assert len(campaign.corpus) == before
    assert campaign.candidates.saved == 0
    assert campaign.loop.tally.dropped == len(executed.picked)
    assert campaign.loop.tally.unjudged == len(executed.picked)


def test_a_batch_that_is_evaluated_twice_says_the_same(campaign):
    loop = campaign.loop
    executed = loop.launch()
    one, two = (
        evaluate(loop.parts, loop.seeds, executed.batch, executed.execution, executed.mutated.dropped) for _ in range(2)
    )
    for name in ("rows", "margins", "keys", "uncertain", "features", "failing", "dropped"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_what_a_search_found_rewards_nobody(tmp_path):
    with opened(tmp_path, sound(), search={"name": "black", "share": 0.5}) as campaign:
        scheduler, loop = watched(campaign), campaign.loop
        executed = loop.launch()
        loop.finish(type(executed)(executed.picked, executed.mutated, executed.batch, executed.execution, True))
        names = [name for name, _, _ in scheduler.calls]
    assert "keep" in names
    assert not {"retire", "reward"} & set(names)


def test_a_batch_of_which_no_row_ran_changes_nothing(tmp_path):
    def broken(pictures):
        if pictures.max() < 0.999:
            return pictures.flatten(1)[:, :3]
        raise ValueError("bright")

    target = mlfuzz.ModuleTarget("broken", mlfuzz.Image(size=(24, 24)), sound().model, labels=("a", "b", "c"))
    with opened(tmp_path, target) as campaign:
        executed = campaign.loop.launch()
        none = type(executed.execution)(executed.execution.ran[:0], None, (), len(executed.picked), 0)
        before = len(campaign.corpus), campaign.loop.batches
        campaign.loop.finish(type(executed)(executed.picked, executed.mutated, executed.batch, none))
        assert (len(campaign.corpus), campaign.loop.batches) == (before[0], before[1] + 1)
