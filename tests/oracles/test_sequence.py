"""Text and tokens: what counts as a change, how much of it is let pass, and how failures are grouped."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from mlfuzz.errors import ConfigError
from mlfuzz.oracles.base import Oracle, Verdict
from mlfuzz.oracles.sequence import CHANGES, CharacterErrorRate, TextEqual, WordErrorRate
from mlfuzz.testing import examples


def _check(oracle: Oracle, got: list[str], expected: list[str]) -> Verdict:
    seen, reference = examples.observation(tuple(got)), examples.observation(tuple(expected))
    return oracle.check(seen, reference, examples.batch(len(got)))


def test_case_and_white_space_count_only_where_strict() -> None:
    got, expected = ["Hello  World", "hello world", "hallo world"], ["hello world"] * 3
    assert _check(TextEqual(), got, expected).failed.tolist() == [False, False, True]
    assert _check(TextEqual(strict=True), got, expected).failed.tolist() == [True, False, True]


def test_the_word_error_rate_is_edits_over_expected_words() -> None:
    verdict = _check(WordErrorRate(bound=0.3), ["a b x d", "a x y d", "a b c d e"], ["a b c d"] * 3)
    assert verdict.margin.tolist() == pytest.approx([0.25 - 0.3, 0.5 - 0.3, 0.25 - 0.3])


def test_the_character_error_rate_counts_characters() -> None:
    verdict = _check(CharacterErrorRate(bound=0.1), ["abcdefghix", "abcdefghxx"], ["abcdefghij"] * 2)
    assert verdict.margin.tolist() == pytest.approx([0.0, 0.1])


def test_a_silent_seed_is_judged_by_the_number_of_words_that_appear() -> None:
    verdict = _check(WordErrorRate(), ["", "some words"], ["", ""])
    assert verdict.margin.tolist() == pytest.approx([-0.2, 1.8])


def test_short_answers_are_grouped_by_pair_and_long_ones_by_what_changed() -> None:
    short = _check(TextEqual(), ["no", "no", "maybe"], ["yes"] * 3).keys.tolist()
    assert short[0] == short[1] != short[2]
    long = " ".join(["word"] * 20)
    keys = _check(TextEqual(), ["", "word", long + long + " x", long[:-1] + "x"], [long] * 4).keys.tolist()
    assert [CHANGES[key] for key in keys] == list(CHANGES)


def test_keys_are_the_same_in_every_process() -> None:
    assert int(_check(TextEqual(), ["no"], ["yes"]).keys[0]) == 2479108105


def test_a_row_that_may_have_lost_its_meaning_is_unjudged() -> None:
    case = examples.texts()
    batch = examples.batch(invariant=np.zeros(len(case.batch), np.bool_))
    assert not TextEqual().check(case.seen, case.reference, batch).judged.any()


def test_numbers_are_refused_with_what_to_choose_instead() -> None:
    case = examples.values()
    with pytest.raises(ConfigError, match="tolerance"):
        TextEqual().check(case.seen, case.reference, case.batch)


def test_the_explanation_shows_both_texts_and_the_rate() -> None:
    case = examples.texts()
    details = WordErrorRate().explain(case.seen, case.reference, case.batch, 1)
    assert details["observed"] == "nothing"
    assert str(details["expected"]).startswith("row 1 says")
    assert details["rate"] > details["bound"]


def test_token_sequences_are_shown_as_numbers() -> None:
    case = examples.tokens()
    details = TextEqual().explain(case.seen, case.reference, case.batch, 0)
    assert details["expected"] == "0 1 2 3 4"


def test_without_rapidfuzz_the_verdict_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    case = examples.texts()
    quick = WordErrorRate().check(case.seen, case.reference, case.batch)
    monkeypatch.setitem(sys.modules, "rapidfuzz.distance", None)
    assert WordErrorRate().check(case.seen, case.reference, case.batch).margin.equal(quick.margin)


@pytest.mark.parametrize(("rate", "bound"), [(0.0, 0.1), (0.08, 0.16), (0.9, 0.5)])
def test_a_bound_that_nobody_gave_is_twice_what_harmless_mutants_change(rate: float, bound: float) -> None:
    said = "a" * 100
    heard = "b" * round(rate * 100) + said[round(rate * 100) :]
    oracle = CharacterErrorRate()
    oracle.fit_harmless(examples.observation((heard,) * 8), examples.observation((said,) * 8))
    assert oracle.describe()["bound"] == bound
    given = CharacterErrorRate(bound=0.3)
    given.fit_harmless(examples.observation((heard,) * 8), examples.observation((said,) * 8))
    assert given.describe()["bound"] == 0.3
    assert torch.equal(_check(TextEqual(), ["a"], ["a"]).failed, torch.tensor([False]))


def test_a_bound_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="above 0"):
        CharacterErrorRate(bound=0.0)
