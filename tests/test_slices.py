"""Where failures concentrate: what is planted is found and named, and in nothing nothing is found."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from mlfuzz.errors import SchemaError
from mlfuzz.slices import SeedFacts, SeedTable, find_slices, loads, slice_named, slice_names

SEEDS, ROWS = 150, 60


def table(rng):
    return SeedTable(
        {
            f"{number}.png": SeedFacts(
                str(number % 5),
                {"brightness": float(rng.random()), "contrast": float(rng.random()), "size": 784.0},
                {"place": "ab"[int(rng.random() < 0.4)], "shot": str(number)},
            )
            for number in range(SEEDS)
        }
    )


def rows(seeds, rate, rng):
    """Mutants of a seed have its own rate in common: beta about what its group fails by."""
    found = {}
    for name in seeds.seeds:
        own = rng.beta(*(8 * np.asarray([rate(name), 1 - rate(name)])))
        found[name] = [ROWS, int(rng.binomial(ROWS, own))]
    return found


def test_a_group_that_fails_four_times_as_often_is_told_with_its_rate():
    rng = np.random.default_rng(0)
    seeds = table(rng)
    dark = sorted(one.attributes["brightness"] for one in seeds.seeds.values())[SEEDS // 3 - 1]
    planted = {name for name, one in seeds.seeds.items() if one.attributes["brightness"] <= dark and one.label == "3"}
    found, tried = find_slices(seeds, rows(seeds, lambda name: 0.4 if name in planted else 0.1, rng))
    assert found[0].name == "label:3+dark"
    assert set(found[0].seeds) == planted
    assert found[0].low <= 0.4 <= found[0].high
    assert 3 < found[0].ratio < 6
    assert "fail" in found[0].sentence()
    assert tried > 20


@pytest.mark.parametrize(("kind", "name"), [("label", "label:2"), ("place", "place:b"), ("bright", "bright")])
def test_a_single_property_is_told_without_those_it_is_a_part_of(kind, name):
    rng = np.random.default_rng(1)
    seeds = table(rng)
    members = slice_named(name, seeds)
    found, _ = find_slices(seeds, rows(seeds, lambda one: 0.5 if one in members else 0.1, rng))
    assert [one.name for one in found] == [name], kind


@pytest.mark.slow
def test_in_nothing_nothing_is_found_but_by_the_chance_that_is_stated():
    wrong = 0
    for number in range(200):
        rng = np.random.default_rng(number)
        seeds = table(rng)
        wrong += bool(find_slices(seeds, rows(seeds, lambda _: 0.2, rng))[0])
    assert wrong <= 10  # 5 % of 200


@pytest.mark.slow
@pytest.mark.parametrize("few", [8, 20, 100])
def test_more_effort_at_one_label_makes_it_no_weakness(few):
    wrong = 0
    for number in range(200):
        rng = np.random.default_rng(number)
        seeds = table(rng)
        made = {}
        for name, one in seeds.seeds.items():
            tries, own = 400 if one.label == "2" else few, rng.beta(0.8, 7.2)
            made[name] = [tries, int(rng.binomial(tries, own))]
        wrong += bool(find_slices(seeds, made)[0])
    assert wrong <= 10


def test_few_seeds_or_few_rows_say_nothing():
    rng = np.random.default_rng(0)
    seeds = table(rng)
    assert find_slices(seeds, {name: [ROWS, 3] for name in list(seeds.seeds)[:12]})[0] == []
    assert find_slices(seeds, {name: [4, 4] for name in seeds.seeds}) == ([], 0)
    assert find_slices(SeedTable(), {"gone.png": [100, 50]}) == ([], 0)


def test_groups_are_named_and_found_by_their_names():
    seeds = table(np.random.default_rng(0))
    assert {"label:3", "dark", "of-strong-contrast", "place:a"} <= set(slice_names(seeds))
    assert not any(name.startswith(("shot:", "size")) for name in slice_names(seeds))
    both = slice_named("dark+label:3", seeds)
    assert both == slice_named("dark", seeds) & slice_named("label:3", seeds)
    assert slice_named("darl", seeds) is None
    plus = SeedTable({f"{at}": SeedFacts("c++", {"brightness": at / 9}) for at in range(9)})
    assert len(slice_named("label:c++", plus)) == 9
    assert len(slice_named("label:c+++dark", plus)) == 3


def test_the_seeds_of_a_group_are_those_that_its_name_stands_for():
    rng = np.random.default_rng(1)
    seeds = table(rng)
    members = slice_named("bright", seeds)
    made = rows(seeds, lambda one: 0.5 if one in members else 0.1, rng)
    for name in list(made)[::7]:
        made[name] = [3, 1]
    found, _ = find_slices(seeds, made)
    assert found[0].name == "bright"
    assert set(found[0].seeds) == {name for name in members if made[name][0] >= 8}


def test_a_column_called_label_and_many_columns_take_nothing_away():
    seeds = SeedTable(
        {
            f"{at}": SeedFacts(
                str(at % 2), {"brightness": at / 30}, {"label": "7", **{f"c{n}": str(at % 5) for n in range(20)}}
            )
            for at in range(30)
        }
    )
    names = slice_names(seeds)
    assert {"label:0", "label:1", "dark", "bright"} <= set(names)
    assert "label:7" not in names


def test_the_table_is_read_as_written_and_a_damaged_one_refused():
    seeds = table(np.random.default_rng(0))
    assert loads(msgspec.json.encode(seeds)) == seeds
    with pytest.raises(SchemaError):
        loads(b'{"seeds": 3}')
