"""News in failures: first of their kind by operator, by seed, by place."""

from __future__ import annotations

import numpy as np

from mlfuzz.campaign.loop.failure_novelty import (
    BY_OPERATOR,
    BY_PLACE,
    BY_SEED,
    PLACE_BITS,
    FailureNovelty,
    NoveltyFilter,
    places,
)

ALL = BY_OPERATOR + BY_SEED + BY_PLACE


def news(
    firsts: NoveltyFilter,
    *,
    margins: list[float],
    keys: list[int],
    seeds: list[int],
    operators: list[int],
    where: list[int],
) -> FailureNovelty:
    columns = (np.asarray(margins, np.float32)[:, None], np.asarray(keys)[:, None])
    return firsts.news(
        *columns, [0.5], seeds=np.asarray(seeds), operators=np.asarray(operators), places=np.asarray(where)
    )


def test_the_first_of_a_kind_is_news_and_the_second_is_not() -> None:
    firsts = NoveltyFilter()
    seen = news(firsts, margins=[1.0, 1.0], keys=[7, 7], seeds=[0, 0], operators=[1, 1], where=[4, 4])
    assert seen.operators.tolist() == [ALL, 0.0]
    assert seen.seeds.tolist() == [BY_SEED + BY_PLACE, 0.0]
    again = news(firsts, margins=[1.0], keys=[7], seeds=[0], operators=[1], where=[4])
    assert again.operators.tolist() == [0.0]


def test_another_seed_operator_place_or_key_is_news_again() -> None:
    firsts = NoveltyFilter()
    news(firsts, margins=[1.0], keys=[7], seeds=[0], operators=[1], where=[4])
    seen = news(
        firsts, margins=[1.0] * 4, keys=[7, 7, 7, 8], seeds=[9, 0, 0, 0], operators=[1, 9, 1, 1], where=[4, 4, 9, 4]
    )
    assert seen.operators.tolist() == [BY_SEED, BY_OPERATOR, BY_PLACE, ALL]


def test_what_passes_or_fails_by_less_than_the_floor_is_none() -> None:
    seen = news(NoveltyFilter(), margins=[-1.0, 0.4], keys=[7, 7], seeds=[0, 0], operators=[1, 1], where=[4, 4])
    assert not seen.operators.any()
    assert not seen.seeds.any()


def test_a_place_is_told_by_the_signs_of_the_leading_features() -> None:
    features = np.random.default_rng(0).normal(size=(50, PLACE_BITS + 9)).astype(np.float32)
    other = features.copy()
    other[:, PLACE_BITS:] *= -1
    assert (places(features) == places(np.abs(features) * np.sign(other))).all()
    other[:, 0] *= -1
    assert (places(features) != places(other)).all()
    assert places(features[:, :0]).tolist() == [0] * 50
