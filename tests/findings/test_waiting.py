from collections import Counter

import numpy as np
from findings.samples import sample

from mlfuzz.findings.waiting import Waiting
from mlfuzz.mutation import Mutation


def candidate(number, key, operator="image.rotate", margin=1.0, **changes):
    return sample(number, key=key, first_chain=(Mutation(operator),), margin=margin, **changes)[0]


def order(waiting):
    taken = []
    while (finding := waiting.take()) is not None:
        taken.append(finding)
    return taken


def test_each_key_comes_once_before_any_comes_twice_the_best_margin_first():
    findings = [
        candidate(1, "a", margin=1.0), candidate(2, "a", margin=3.0), candidate(3, "a", margin=2.0),
        candidate(4, "b", margin=0.5), candidate(5, "c", margin=0.1),
    ]  # fmt: skip
    assert [(one.key, one.margin) for one in order(Waiting(findings))] == [
        ("a", 3.0), ("b", 0.5), ("c", 0.1), ("a", 2.0), ("a", 1.0),
    ]  # fmt: skip


def test_under_equal_keys_an_operator_not_yet_seen_comes_first():
    findings = [
        candidate(1, "a", "image.blur", 9.0),
        candidate(2, "a", "image.blur", 8.0),
        candidate(3, "a", "image.fog", 0.1),
    ]
    assert [one.first_chain[0].name for one in order(Waiting(findings))] == ["image.blur", "image.fog", "image.blur"]


def test_what_was_confirmed_before_takes_its_keys_turn_and_does_not_wait():
    waiting = Waiting([candidate(1, "a", verdict="confirmed"), candidate(2, "a", margin=5.0), candidate(3, "b")])
    assert len(waiting) == 2
    assert [one.key for one in order(waiting)] == ["b", "a"]


def test_nothing_waits_twice():
    waiting = Waiting([candidate(1, "a"), candidate(1, "a")])
    assert len(order(waiting)) == 1
    assert (waiting.take(), len(waiting)) == (None, 0)


def test_many_come_in_the_order_that_looking_at_all_of_them_each_time_would_give():
    rng = np.random.default_rng(2)
    findings = [
        candidate(number, f"k{rng.integers(9)}", f"image.o{rng.integers(5)}", float(rng.integers(4)))
        for number in range(120)
    ]
    waiting, left, keys, operators = Waiting(findings), list(findings), Counter(), Counter()
    while left:
        best = min(left, key=lambda one: (
            keys[one.key], operators[one.first_chain[0].name], -one.margin, len(one.first_chain), one.id
        ))  # fmt: skip
        assert waiting.fresh == (keys[best.key] == 0)
        assert waiting.take() == best
        left.remove(best)
        keys[best.key] += 1
        operators[best.first_chain[0].name] += 1
    assert not waiting.fresh
