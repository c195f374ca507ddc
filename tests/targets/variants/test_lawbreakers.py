"""The laws of variants can fail: each variant here breaks one, and that law says so."""

from __future__ import annotations

import pytest
import torch

from mlfuzz.testing import variants as laws


class Honest:
    """The target again."""

    name, digest, remedy = "honest", "1", "leave it out"

    def __init__(self, target):
        self.target = target

    def answer(self, rows, seen):
        return {"main": self.target.forward(rows)}


class Nameless(Honest):
    remedy = ""


class Undecided(Honest):
    @property
    def digest(self):
        return str(id(self))


class Lossy(Honest):
    def answer(self, rows, seen):
        return {"main": super().answer(rows, seen)["main"][1:]}


class Narrow(Honest):
    def answer(self, rows, seen):
        return {"main": super().answer(rows, seen)["main"].half()}


class Tracing(Honest):
    def answer(self, rows, seen):
        with torch.enable_grad():
            return {"main": self.target.model(rows.data)}


class Random(Honest):
    def answer(self, rows, seen):
        return {"main": torch.rand(len(rows), 5)}


class Coupled(Honest):
    def answer(self, rows, seen):
        main = super().answer(rows, seen)["main"]
        return {"main": main - main.mean()}


class Training(Honest):
    def answer(self, rows, seen):
        with torch.no_grad():
            self.target.model[3].bias += 1e-3
        return super().answer(rows, seen)


class Greedy(Honest):
    def answer(self, rows, seen):
        main = super().answer(rows, seen)["main"]
        seen.outputs["main"].zero_()
        return {"main": main}


class Unnamed(Honest):
    def answer(self, rows, seen):
        return {}


@pytest.mark.parametrize(
    ("law", "part"),
    [
        (laws.it_says_what_it_is, Nameless),
        (laws.it_says_what_it_is, Undecided),
        (laws.it_answers_every_row, Lossy),
        (laws.it_answers_every_row, Narrow),
        (laws.it_keeps_no_history, Tracing),
        (laws.it_answers_the_same_again, Random),
        (laws.a_row_is_answered_the_same_in_any_batch, Coupled),
        (laws.the_target_is_left_as_it_was, Training),
        (laws.the_target_is_left_as_it_was, Greedy),
        (laws.it_stands_beside_the_target, Unnamed),
    ],
)
def test_a_broken_variant_is_caught(law, part):
    with pytest.raises(AssertionError):
        law(part, laws.example_target())


class TestHonest(laws.VariantLaws):
    def build(self, target):
        return Honest(target)
