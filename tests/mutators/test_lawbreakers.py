"""The laws can fail: each operator here breaks one, and that law says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from mlfuzz.batch import TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.mutation import Value
from mlfuzz.mutators.base import MUTATORS, Column, Mutator
from mlfuzz.mutators.param import Drawn, Param, Real
from mlfuzz.placemap import PLACE_MAPS, Warp, affine
from mlfuzz.testing import mutators as laws

GREY = Image((12, 14), 1, "float32")


def broken(function: Callable[..., TensorRows], **space: Param) -> Mutator:
    return Mutator("image.broken", space, function, "colour")


def coupled(rows: TensorRows) -> TensorRows:
    return rows.with_data(rows.data - rows.data.mean() / 2)


def unrepeatable(rows: TensorRows) -> TensorRows:
    return rows.with_data(rows.data + torch.rand_like(rows.data) / 10)


def in_place(rows: TensorRows) -> TensorRows:
    return rows.with_data(rows.data.mul_(0.9))


def never_neutral(rows: TensorRows, *, amount: Column) -> TensorRows:
    return rows.with_data(rows.data * 0.9 + amount.view(-1, 1, 1, 1))


def lossy(rows: TensorRows) -> TensorRows:
    return rows.part(0, len(rows) - 1)


def fragile(rows: TensorRows) -> TensorRows:
    return rows.with_data(torch.nn.functional.pad(rows.data, (1, 1, 1, 1), mode="reflect")[..., 2:, 2:])


def by_threads(rows: TensorRows) -> TensorRows:
    return rows.with_data(rows.data * (1 - torch.get_num_threads() / 100))


def proposed_by_the_batch(rows: TensorRows, columns: Mapping[str, Drawn], seeds: object) -> Mapping[str, list[Value]]:
    return {"at": [[len(rows)]] * len(rows)}


def at_sites(rows: TensorRows, *, at: list[list[int]]) -> TensorRows:
    return rows


@dataclass(frozen=True)
class Stubborn(Real):
    """A range that never gets milder."""

    def milder(self, values: Drawn, share: object) -> Drawn:
        return values


@dataclass(frozen=True)
class Mislabelled(Real):
    """Calls a value simpler than itself."""

    def simpler(self, value: Value):  # type: ignore[no-untyped-def]
        return iter([value])


@pytest.mark.parametrize(
    ("law", "part"),
    [
        (laws.a_row_is_the_same_alone_and_in_any_batch, broken(coupled)),
        (laws.a_row_is_the_same_alone_and_in_any_batch, broken(unrepeatable)),
        (laws.threads_change_nothing, broken(by_threads)),
        (laws.its_input_is_left_alone, broken(in_place)),
        (laws.its_input_is_left_alone, broken(unrepeatable)),
        (laws.neutral_changes_nothing, broken(never_neutral, amount=Real(-1, 1, neutral=0.0))),
        (laws.milder_by_all_is_neutral, broken(never_neutral, amount=Stubborn(0.5, 1, neutral=0.0))),
        (laws.parameters_are_drawn_as_they_are_recorded, broken(never_neutral, amount=Mislabelled(-1, 1, neutral=0.0))),
        (laws.mutants_lie_on_the_grid, broken(lossy)),
        (
            laws.what_is_proposed_depends_on_its_row_alone,
            replace(broken(at_sites), sites=("at",), propose=proposed_by_the_batch),
        ),
    ],
)
def test_a_broken_operator_is_caught_and_named(law: laws.Law, part: Mutator) -> None:
    with pytest.raises(AssertionError, match=r"image\.broken: "):
        law(part, GREY)


def moved(rows: TensorRows, *, right: Column) -> TensorRows:
    return MUTATORS.get("image.translate").function(rows, right=right, down=torch.zeros_like(right))  # type: ignore[return-value]


def shifted(size: tuple[int, int], *, right: Column) -> Warp:
    matrix = torch.eye(3)[:2].repeat(len(right), 1, 1)
    matrix[:, 0, 2] = -right * size[1]
    return Warp(matrix=affine(matrix))


def shifted_back(size: tuple[int, int], *, right: Column) -> Warp:
    return shifted(size, right=-right)


def hidden_elsewhere(size: tuple[int, int], *, right: Column) -> Warp:
    return Warp(hidden=torch.zeros(len(right), *size, dtype=torch.bool))


@pytest.mark.parametrize(
    ("place_map", "told"), [(shifted, ""), (shifted_back, "px from where"), (hidden_elsewhere, "px")]
)
def test_a_place_map_that_is_not_what_the_operator_does_is_caught(place_map, told, monkeypatch) -> None:
    part = replace(broken(moved, right=Real(-0.3, 0.3, neutral=0.0)), kind="geometry", moves_places=True)
    monkeypatch.setitem(PLACE_MAPS, part.name, place_map)
    if not told:
        laws.what_moves_says_where_to(part, GREY)
        return
    with pytest.raises(AssertionError, match=told):
        laws.what_moves_says_where_to(part, GREY)


def test_geometry_without_a_place_map_is_caught() -> None:
    part = replace(broken(moved, right=Real(-0.3, 0.3, neutral=0.0)), kind="geometry")
    with pytest.raises(AssertionError, match="declare where to with place_map="):
        laws.what_moves_says_where_to(part, GREY)


def test_an_operator_that_fails_on_the_smallest_picture_is_caught() -> None:
    with pytest.raises(RuntimeError, match=r"[Pp]adding"):
        laws.any_rows_are_taken(broken(fragile), GREY)


def test_a_chain_that_replays_otherwise_is_caught() -> None:
    """Found through the registry, as any recorded chain is: here under a name that another operator has."""
    part = replace(MUTATORS.get("image.brightness"), function=lambda rows, *, amount: rows.with_data(rows.data * 0.5))
    with pytest.raises(AssertionError, match="replayed from JSON"):
        laws.a_recorded_chain_replays(part, GREY)


def test_a_sound_operator_keeps_them_all() -> None:
    laws.check(MUTATORS.get("image.brightness"), GREY)


def test_example_rows_are_the_same_each_time_and_differ_from_one_another() -> None:
    first, again = laws.example_rows(GREY, 5), laws.example_rows(GREY, 5)
    assert all(np.array_equal(first.payload(row), again.payload(row)) for row in range(5))
    assert not np.array_equal(first.payload(0), first.payload(1))
