"""What every variant of a target owes the oracles: laws as functions, and `VariantLaws` to inherit from.

    class TestMine(VariantLaws):
        def build(self, target):
            return Mine(target)

Each law is a function (build, target) that raises AssertionError with what broke it. What measures a cost gives one
number a row, `alone`, in place of an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from mlfuzz.batch import Rows
from mlfuzz.modality.base import Modality
from mlfuzz.modality.image import Image
from mlfuzz.observation import Observation, Output, Ragged
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.targets.variants.base import BASE, MAIN, Variant, Varied
from mlfuzz.targets.variants.cost import ALONE
from mlfuzz.testing.rows import example_rows

Build: TypeAlias = Callable[[Any], Variant]
Law: TypeAlias = Callable[[Build, ModuleTarget], None]

ROWS = 7

ROUNDING = 0.02
"""Of the largest answer: what half precision makes of another batch size."""


def example_target(modality: Modality = Image(size=(8, 8))) -> ModuleTarget:  # noqa: B008  # frozen
    """A small convolution and a dense layer, the same each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
    return ModuleTarget("laws", modality, model, labels=tuple("abcde"))


def it_says_what_it_is(build: Build, target: ModuleTarget) -> None:
    one, again = build(target), build(target)
    assert one.name
    assert one.digest
    assert one.digest == again.digest, "built twice it has two digests: a finding could not be told to be of it"
    assert one.remedy, "say what to do where it cannot run"


def it_answers_every_row(build: Build, target: ModuleTarget) -> None:
    part = build(target)
    for count in (ROWS, 1, 2):
        rows = example_rows(target.modality, count)
        seen = target.run(rows)
        answer = _answer(part, rows, seen)
        if ALONE in answer:
            assert len(_numbers(answer[ALONE])) == count
            continue
        assert set(answer) <= {MAIN, BASE}
        with_what = answer.get(BASE, seen.outputs["main"])
        main = answer[MAIN]
        assert type(main) is type(with_what), f"{type(main).__name__} compared with {type(with_what).__name__}"
        if isinstance(main, Tensor) and isinstance(with_what, Tensor):
            assert main.shape == with_what.shape
            assert main.dtype == torch.float32, f"answers in {main.dtype}: oracles compare float32"
        assert len(_rows(main)) == count


def it_keeps_no_history(build: Build, target: ModuleTarget) -> None:
    rows = example_rows(target.modality, ROWS)
    for output in _answer(build(target), rows, target.run(rows)).values():
        assert not (isinstance(output, Tensor) and output.requires_grad), "a history of gradients, where none was asked"


def it_answers_the_same_again(build: Build, target: ModuleTarget) -> None:
    part, rows = build(target), example_rows(target.modality, ROWS)
    seen = target.run(rows)
    first = _answer(part, rows, seen)
    others = example_rows(target.modality, ROWS, seed=9)
    _answer(part, others, target.run(others))
    again, anew = _answer(part, rows, seen), _answer(build(target), rows, seen)
    if ALONE in first:
        return
    for second in (again, anew):
        assert all(_equal(first[key], second[key]) for key in first), "the same rows, and another answer"


def a_row_is_answered_the_same_in_any_batch(build: Build, target: ModuleTarget) -> None:
    part, rows = build(target), example_rows(target.modality, ROWS)
    seen = target.run(rows)
    whole = _answer(part, rows, seen).get(MAIN)
    if not isinstance(whole, Tensor):
        return
    slack = ROUNDING * float(whole.abs().max()) + 1e-6
    for row in range(ROWS):
        at = np.asarray([row])
        alone = _answer(part, rows.take(at), seen.take(at))[MAIN]
        assert isinstance(alone, Tensor)
        assert torch.allclose(alone[0], whole[row], rtol=0.0, atol=slack), f"row {row} answered otherwise alone"


def _digest_now(target: ModuleTarget) -> str:
    """Taken afresh: the one that is kept is of the target as it was handed over."""
    target._identity = None
    return target.digest


def the_target_is_left_as_it_was(build: Build, target: ModuleTarget) -> None:
    rows = example_rows(target.modality, ROWS)
    seen = target.run(rows)
    before, kept, digest = seen.take(np.arange(ROWS)), rows.take(np.arange(ROWS)), _digest_now(target)
    threads, grad = torch.get_num_threads(), torch.is_grad_enabled()
    part = build(target)
    _answer(part, rows, seen)
    assert _digest_now(target) == digest, "building or asking it has changed the target"
    assert (torch.get_num_threads(), torch.is_grad_enabled()) == (threads, grad)
    assert _equal(seen.outputs["main"], before.outputs["main"]), "it writes into what the target answered"
    for row, payload in enumerate(kept.payloads(np.arange(ROWS))):
        assert np.array_equal(rows.payload(row), payload), "it writes into its input"
    assert _equal(target.run(rows).outputs["main"], before.outputs["main"]), "the target answers otherwise now"


def it_stands_beside_the_target(build: Build, target: ModuleTarget) -> None:
    part, rows = build(target), example_rows(target.modality, ROWS)
    outputs = Varied(target, [part]).run(rows).outputs
    assert _equal(outputs["main"], target.run(rows).outputs["main"])
    assert any(key.startswith(f"{part.name}.") for key in outputs)


LAWS: tuple[Law, ...] = (
    it_says_what_it_is,
    it_answers_every_row,
    it_keeps_no_history,
    it_answers_the_same_again,
    a_row_is_answered_the_same_in_any_batch,
    the_target_is_left_as_it_was,
    it_stands_beside_the_target,
)


class VariantLaws:
    """Inherit and give `build`, and a `target` where the small shipped one does not do; pytest collects the laws."""

    def build(self, target: ModuleTarget) -> Variant:
        raise NotImplementedError("give the variant of the target")

    def target(self) -> ModuleTarget:
        return example_target()

    def test_it_keeps_the_laws_of_variants(self) -> None:
        for law in LAWS:
            law(self.build, self.target())


def _answer(part: Variant, rows: Rows, seen: Observation) -> Mapping[str, Output]:
    with torch.no_grad():
        return part.answer(rows, seen)


def _numbers(output: Output) -> Tensor:
    assert isinstance(output, Tensor)
    return output


def _rows(output: Output) -> Any:
    return output.lengths if isinstance(output, Ragged) else output


def _equal(one: Output, other: Output) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    if isinstance(one, Ragged) and isinstance(other, Ragged):
        return torch.equal(one.values, other.values) and torch.equal(one.lengths, other.lengths)
    return one == other
