"""One verdict on a batch of training data, by all that is looked at."""

from __future__ import annotations

import pytest

from mlfuzz.comparison import Comparison, FailureShare, Gate, Pair
from mlfuzz.errors import UsageError
from mlfuzz.rates import mcnemar
from mlfuzz.verdict import VISIBLE_DROP, verdict_on


def pair(rows, right, lost, won=0):
    """Of so many rows so many right before; `lost` only before, `won` only after."""
    return Pair(FailureShare(right, rows), FailureShare(right - lost + won, rows), mcnemar(lost, won), lost + won)


NOTHING_FAILING = Pair(FailureShare(), FailureShare(), 1.0)


def judged(accuracy, *gates, failing=NOTHING_FAILING):
    return verdict_on(Comparison(("a", "b"), failing, accuracy=accuracy), [Gate.parse(one) for one in gates])


def even(rows, right, lost, won=0, *, classes=10):
    """The whole and classes that share it evenly."""
    return {
        "": pair(rows, right, lost, won),
        **{
            str(label): pair(rows // classes, right // classes, lost // classes, won // classes)
            for label in range(classes)
        },
    }


BIG = even(1000, 900, 20, 20)


@pytest.mark.parametrize(
    ("accuracy", "gates", "decision"),
    [
        (even(40, 29, 11, 1), (), "reject"),  # p=0.0063, beside ten classes
        (even(40, 29, 11, 1), ("accuracy>=-1%",), "reject"),
        (even(40, 29, 5, 5), (), "cannot tell"),
        (even(40, 29, 5, 5), ("accuracy>=-1%",), "cannot tell"),
        (even(40, 29, 5, 5), ("accuracy>=-30%",), "take"),
        (even(40, 29, 3), ("accuracy>=-1%",), "reject"),  # the gate, though chance explains it
        (even(40, 40, 0), (), "cannot tell"),  # the same data twice, on too few inputs
        (even(10, 10, 0), (), "cannot tell"),
        (even(5, 5, 5, classes=5), (), "cannot tell"),  # five of five lost: chance does so in one of 16 cases
        (even(400, 400, 0), (), "take"),
        (even(400, 390, 200), (), "reject"),
        (even(400, 390, 0, 10), (), "take"),
        (even(400, 250, 40, 80), (), "take"),  # a gain is shown, so no drop of any size is hidden
        (even(400, 250, 60, 60), (), "cannot tell"),
        (BIG, (), "take"),
        (BIG, ("accuracy>=-1%",), "cannot tell"),
        (BIG, ("accuracy>=-5%", "accuracy>=-1%"), "cannot tell"),
        (BIG, ("accuracy>=85%",), "take"),
        (BIG, ("class-accuracy>=-1%",), "cannot tell"),
        (BIG, ("class-accuracy>=-50%",), "take"),
        (BIG, ("newly-broken<=0",), "take"),
        ({**BIG, "7": pair(100, 90, 30)}, (), "reject"),  # one class alone, beside a gain of the others
        ({**BIG, "7": pair(100, 90, 8, 1)}, (), "take"),  # p=0.04, of ten classes
        ({}, (), "cannot tell"),
    ],
)
def test_harm_and_gates_reject_and_only_what_would_have_shown_is_taken(accuracy, gates, decision):
    verdict = judged(accuracy, *gates)
    assert verdict.decision == decision
    assert verdict.exit_code == {"reject": 1, "cannot tell": 3, "take": 0}[decision]
    assert ("may be taken" in verdict.sentence) is (decision == "take")
    assert (bool(verdict.harm) or bool(verdict.failed)) is (decision == "reject")


def test_the_whole_is_judged_at_its_own_level_however_many_classes_there_are():
    for classes in (1, 4, 10, 40):
        assert judged(even(400, 390, 80, 50, classes=classes)).decision == "reject"


def test_failing_inputs_are_judged_as_they_are_told():
    worse = Pair(FailureShare(2, 30), FailureShare(9, 30), mcnemar(0, 7), 7)
    assert judged(BIG, failing=worse).harm == ("failing inputs 6.67 % -> 30 %, p=0.016",)
    assert judged(BIG, failing=Pair(FailureShare(9, 30), FailureShare(2, 30), mcnemar(7, 0), 7)).decision == "take"
    assert judged({}, failing=worse).decision == "reject"


def test_what_too_few_inputs_cannot_show_is_said_with_how_many_would():
    assert judged(even(40, 29, 6, 6)).sentence == (
        "cannot tell: 40 clean inputs cannot show a drop of less than 24 points, and one of 5 must not go "
        "unseen; give about 940 of them with --seeds FOLDER, or allow more: --gate 'accuracy>=-24%'"
    )
    assert judged(even(40, 29, 6, 6), "accuracy>=-24%").decision == "take"
    assert judged(even(940, 680, 141, 141)).decision == "take"
    few = judged(even(4, 4, 0, classes=2)).sentence
    assert few.startswith("cannot tell: 4 clean inputs cannot show a drop of any size, ")
    assert few.endswith("give about 160 of them with --seeds FOLDER")


def test_a_class_that_a_gate_names_is_held_to_it():
    sentence = judged({**BIG, "7": pair(5, 5, 0)}, "class-accuracy>=-10%").sentence
    assert sentence.startswith("cannot tell: 100 clean inputs of 0 cannot show a drop of less than ")


def test_a_failed_gate_is_named_in_the_sentence():
    verdict = judged(even(400, 390, 12, 4), "accuracy>=-1%", "class-accuracy>=-50%")
    assert (verdict.failed, verdict.harm) == (("accuracy>=-1%",), ())
    assert verdict.sentence == "reject the batch: gate accuracy>=-1% failed"


def test_what_would_have_shown_is_said_of_the_whole_and_of_classes():
    assert judged(BIG).sentence.endswith("; a drop of 2 points would have shown, one of 13 in each class")
    assert judged({**BIG, "7": pair(3, 3, 0)}).sentence.endswith(" would have shown, none in the smallest class")


def test_a_gate_on_accuracy_without_clean_inputs_says_how_to_give_some():
    with pytest.raises(UsageError, match="--seeds FOLDER"):
        judged({}, "accuracy>=-1%")


def test_the_size_that_must_show_is_within_reach_of_a_few_hundred_inputs():
    assert judged(even(160, 160, 0)).decision == "take"
    assert judged(even(150, 150, 0)).decision == "cannot tell"
    assert VISIBLE_DROP == 0.05
