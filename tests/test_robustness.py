"""What follows from least strengths: curves, areas, classes, who breaks first, and two models on the same seeds."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from mlfuzz.errors import SchemaError, UsageError
from mlfuzz.robustness import Area, OperatorStrengths, Robustness, SeedRef, compare, curve, dumps, loads

SEEDS = [SeedRef(f"{at}.png", f"d{at}", label) for at, label in enumerate("aabb")]


def found(*operators: OperatorStrengths, target: str = "t", seeds: list[SeedRef] = SEEDS, **more: object) -> Robustness:
    values = {"levels": 4, "evaluations": 1, "oracles": ["label"], **more}
    return Robustness(target=target, digest="x", seeds=seeds, operators=list(operators), **values)


BLUR = OperatorStrengths("image.blur", "blur", [0.25, 0.5, None, None])
SHIFT = OperatorStrengths("image.shift", "geometry", [0.5, None, 1.0, None], unjudged=[3])
FLIP = OperatorStrengths("image.flip", "geometry", [1.0, None, None, None], scaled=False)


def test_a_curve_falls_where_seeds_break_and_ends_at_full_strength() -> None:
    points = curve(BLUR)
    assert [(at, share) for at, share, *_ in points] == [(0, 1), (0.25, 0.75), (0.5, 0.5), (1, 0.5)]
    assert all(low <= share <= high for _, share, low, high in points)
    assert [share for _, share, *_ in curve(BLUR, [2, 3])] == [1, 1]


def test_the_area_is_what_lies_under_the_curve() -> None:
    points = curve(BLUR)
    under = sum((after.strength - before.strength) * before.share for before, after in pairwise(points))
    area = Area.of_operator(BLUR)
    assert area.value == pytest.approx(under) == pytest.approx((0.25 + 0.5 + 1 + 1) / 4)
    assert area.low < area.value < area.high


def test_seeds_that_nobody_judged_count_nowhere() -> None:
    assert Area.of_operator(SHIFT).seeds == 3
    assert found(BLUR, SHIFT).of_seeds() == {0: 0.375, 1: 0.75, 2: 1.0, 3: 1.0}


def test_what_has_no_strengths_counts_in_no_area_and_stands_last() -> None:
    whole = found(FLIP, SHIFT, BLUR)
    assert whole.number() == found(SHIFT, BLUR).number()
    assert [one.name for one in whole.worst_first()] == ["image.blur", "image.shift", "image.flip"]


def test_classes_and_the_seeds_that_break_first() -> None:
    whole = found(BLUR, SHIFT)
    assert whole.classes() == {"a": [0, 1], "b": [2, 3]}
    assert whole.number([0, 1]).value == pytest.approx(0.5625)
    first = whole.first(9)
    assert [(one.seed.name, one.operator, one.least, one.operators) for one in first] == [
        ("0.png", "image.blur", 0.25, 2),
        ("1.png", "image.blur", 0.5, 1),
    ]


def test_the_mean_curve_s_area_is_the_model_s_number() -> None:
    whole = found(BLUR, msgspec.structs.replace(SHIFT, unjudged=[]))
    points = whole.mean_curve()
    assert sum(point.share for point in points[:-1]) / 4 == pytest.approx(whole.number().value)


def test_two_models_are_paired_by_seed_whatever_the_order() -> None:
    many = [SeedRef(f"{at}.png", f"d{at}") for at in range(12)]
    weak = found(OperatorStrengths("image.blur", "blur", [0.25] * 12), target="weak", seeds=many)
    firm = found(OperatorStrengths("image.blur", "blur", [None] * 11 + [0.25]), target="firm", seeds=many[::-1])
    pair = compare(weak, firm)
    assert (pair.whole.better, pair.whole.worse) == (11, 0)
    assert pair.whole.p == pytest.approx(2 / 2**11)
    assert pair.operators["image.blur"].p == pair.whole.p
    back = compare(firm, weak).whole
    assert (back.better, back.worse, back.p) == (0, 11, pair.whole.p)


def test_what_only_one_of_them_has_is_left_out_and_said() -> None:
    fewer = found(BLUR, target="fewer", seeds=[*SEEDS[:3], SeedRef("other.png", "d9", "b")])
    pair = compare(found(BLUR, SHIFT), fewer)
    assert pair.left_out == [
        "1 seeds that only t is fit to be judged on", "1 seeds that only fewer is fit to be judged on",
        "image.shift, which only t has",
    ]  # fmt: skip
    assert pair.whole.before.seeds == 3


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (found(BLUR, levels=8), "levels"),
        (found(BLUR, rng_seed=3), "--seed"),
        (found(BLUR, oracles=["differ"]), "oracles"),
        (found(SHIFT), "share no operator"),
        (found(BLUR, seeds=[SeedRef("x", f"x{at}") for at in range(4)]), "share no seed"),
    ],
)
def test_what_was_not_measured_alike_is_not_compared(other: Robustness, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        compare(found(BLUR), other)


def test_a_record_comes_back_as_it_was() -> None:
    whole = found(BLUR, SHIFT, FLIP)
    assert loads(dumps(whole)) == whole


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 99}, "newer mlfuzz"),
        ({"operators": [OperatorStrengths("o", "k", [0.5])]}, "does not fit 4 seeds"),
        ({"operators": [OperatorStrengths("o", "k", [0.5, 0, 1, None])]}, "outside"),
        ({"operators": [OperatorStrengths("o", "k", [None] * 4, unjudged=[7])]}, "does not fit"),
        ({"levels": 0}, "levels"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(SchemaError, match=says):
        loads(dumps(msgspec.structs.replace(found(BLUR), **change)))
    with pytest.raises(SchemaError, match="damaged"):
        loads(b"{")


def test_groups_of_seeds_alike_in_an_attribute_or_a_column_have_numbers_and_curves_of_their_own():
    seeds = [
        SeedRef(f"{at}.png", str(at), str(at % 2), {"brightness": at / 24}, {"place": "ab"[at % 2], "shot": str(at)})
        for at in range(24)
    ]
    least = [at / 24 + 0.01 if at < 12 else None for at in range(24)]
    one = OperatorStrengths("image.fog", "weather", least)
    found = Robustness("t", "d", seeds, [one], ["label"], 64, 24)
    groups = found.groups()
    assert groups["place a"] == list(range(0, 24, 2))
    assert not any(text.startswith("shot") for text in groups)
    (dark,) = [members for text, members in groups.items() if text.startswith("dark")]
    assert dark == list(range(8))
    assert found.number(dark).value < found.number().value
    assert found.mean_curve(dark)[-1].share == 0
    bare = Robustness(
        "t", "d", [SeedRef("a.png", "1")], [OperatorStrengths("image.fog", "weather", [0.5])], ["label"], 64, 1
    )
    assert bare.groups() == {}
