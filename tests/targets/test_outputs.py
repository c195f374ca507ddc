"""What models really answer with: taken apart by what it is, and alike at every size of batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlfuzz.batch import TensorRows
from mlfuzz.errors import TargetError
from mlfuzz.modality.image import Image
from mlfuzz.targets.callable import CallableTarget
from mlfuzz.targets.check import check
from mlfuzz.targets.module import ModuleTarget

IMAGE = Image(size=(4, 4))


class Named(NamedTuple):
    hidden: Tensor
    logits: Tensor


@dataclass
class Answer:
    loss: Tensor
    scores: Tensor


class Plain:
    def __init__(self, logits: Tensor) -> None:
        self.logits = logits


def states(features: Tensor) -> Tensor:
    """Layers first, as recurrent models give their last states."""
    return features[None].repeat(2, 1, 1)


FORMS: dict[str, tuple[Callable[[Tensor, Tensor], Any], str, tuple[str, ...], tuple[str, ...]]] = {
    "a tensor": (lambda y, x: y, "", (), ()),
    "a tuple of one": (lambda y, x: (y,), "0", (), ()),
    "logits and features": (lambda y, x: (y, x), "0", ("1",), ()),
    "three": (lambda y, x: (y, x, x), "0", ("1", "2"), ()),
    "a loss first": (lambda y, x: (y.sum(), y), "1", (), ("0",)),
    "nothing first": (lambda y, x: (None, y), "1", (), ()),
    "numbers beside": (lambda y, x: (y, 3, "ok"), "0", (), ("1", "2")),
    "states": (lambda y, x: (y, (states(x), states(x))), "0", (), ("1",)),
    "two rows by chance": (lambda y, x: (y, torch.ones(2, 7)), "0", (), ("1",)),
    "one row by chance": (lambda y, x: (y, torch.ones(1, 7)), "0", (), ("1",)),
    "nested": (lambda y, x: ((y, x), states(x)), "0.0", ("0.1",), ("1",)),
    "a mapping": (lambda y, x: {"logits": y, "hidden": x}, "logits", ("hidden",), ()),
    "a mapping with a loss": (lambda y, x: {"loss": y.sum(), "logits": y}, "logits", (), ("loss",)),
    "a mapping without logits": (lambda y, x: {"loss": y.sum(), "scores": y}, "scores", (), ("loss",)),
    "hidden states": (lambda y, x: {"logits": y, "hidden_states": (x, x)}, "logits", (), ("hidden_states",)),
    "a mapping in a tuple": (lambda y, x: ({"logits": y}, x), "0.logits", ("1",), ()),
    "a named tuple": (lambda y, x: Named(x, y), "logits", ("hidden",), ()),
    "a dataclass": (lambda y, x: Answer(y.sum(), y), "scores", (), ("loss",)),
    "an object": (lambda y, x: Plain(y), "logits", (), ()),
    "a list of rows": (lambda y, x: list(y), "", (), ()),
    "an array": (lambda y, x: y.detach().numpy(), "", (), ()),
    "arrays": (lambda y, x: (y.detach().numpy(), x.detach().numpy()), "0", ("1",), ()),
    "a list of outputs": (lambda y, x: [y, x], "0", ("1",), ()),
    "features first": (lambda y, x: {"hidden": x, "scores": y}, "scores", ("hidden",), ()),
    "as others name them": (lambda y, x: {"boxes": x, "pred_logits": y}, "pred_logits", ("boxes",), ()),
    "states first": (lambda y, x: (states(x), y), "1", (), ("0",)),
    "a dict an input": (
        lambda y, x: [{"scores": s, "hidden": h} for s, h in zip(y, x, strict=True)],
        "scores",
        ("hidden",),
        (),
    ),
    "a tuple an input": (lambda y, x: list(zip(y, x, strict=True)), "0", ("1",), ()),
    "attributes": (lambda y, x: SimpleNamespace(a=x.mean(), b=y), "b", (), ("a",)),
    "an axis lost": (lambda y, x: y.squeeze(), "", (), ()),
    "a sparse tensor": (lambda y, x: y.to_sparse(), "", (), ()),
}
"""Form: (how it is made of scores (B, 3) and features (B, 5); what is judged; what stands beside; what is left out)."""


class Model(nn.Module):
    def __init__(self, form: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features, self.scores, self.form = nn.Linear(16, 5), nn.Linear(5, 3), form

    def forward(self, images: Tensor) -> Any:
        features = self.features(images.flatten(1))
        return self.form(self.scores(features), features)


def rows(count: int) -> TensorRows:
    return TensorRows(torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(1)), IMAGE).project()


@pytest.mark.parametrize("first", [1, 2, 5])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_answer_is_the_same_at_every_size_of_batch(form: str, first: int) -> None:
    make, judged, beside, left_out = FORMS[form]
    target = ModuleTarget("t", IMAGE, Model(make), labels="abc")
    target.run(rows(first))
    assert (target.taken.judged, tuple(target.taken.beside), tuple(target.taken.left_out)) == (judged, beside, left_out)
    plain = ModuleTarget("t", IMAGE, Model(FORMS["a tensor"][0]))
    for count in (1, 2, 3, 5):
        seen = target.run(rows(count))
        assert list(seen.outputs) == ["main", *beside]
        assert torch.equal(seen.main, plain.run(rows(count)).main)


@pytest.mark.parametrize("form", [name for name in FORMS if "sparse" not in name])
def test_a_function_is_understood_as_a_module_is(form: str) -> None:
    make, judged, beside, _ = FORMS[form]
    model = Model(make)
    target = CallableTarget("t", IMAGE, model, labels="abc")
    assert list(target.run(rows(4)).outputs) == ["main", *beside]
    assert torch.equal(target.run(rows(2)).main, ModuleTarget("t", IMAGE, model).run(rows(2)).main)
    assert target.taken.judged == judged


@pytest.mark.parametrize("form", [name for name in FORMS if "array" not in name])
def test_gradients_reach_the_judged_output_of_every_form(form: str) -> None:
    target = ModuleTarget("t", IMAGE, Model(FORMS[form][0]))
    target.run(rows(3))
    given = rows(2)
    given.data.requires_grad_(True)
    target.trace(given).main.sum().backward()
    assert given.data.grad is not None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda x: None, r"nothing \(None\)"),
        (lambda x: x.sum(), r"shape \(\)"),
        (lambda x: tuple(x.flatten(1)), "a list one answer an input"),
        (lambda x: [{"boxes": {row}} for row in x], "something of type set"),
        (lambda x: [[(row, "a")] for row in x], "a list of 1"),
        (lambda x: ["a", None, "b", "c", "d"], "nothing .None., where"),
        (lambda x: {}, "a dict of 0"),
        (lambda x: "one", "mlfuzz.per_item"),
        (lambda x: object(), "something of type object"),
        (lambda x: x.flatten(1)[:3], r"shape \(3, 16\)"),
    ],
)
def test_what_is_no_answer_is_refused_with_what_to_give(answer: Callable[[Tensor], Any], message: str) -> None:
    for target in (CallableTarget("t", IMAGE, answer), ModuleTarget("t", IMAGE, _Calling(answer))):
        with pytest.raises(TargetError, match=f"target t: .*{message}"):
            target.run(rows(5))


class _Calling(nn.Module):
    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, images: Tensor) -> Any:
        return self.function(images)


def test_numbers_and_texts_in_a_tuple_are_one_answer_an_input() -> None:
    for count in (1, 2, 4):
        texts = CallableTarget("t", IMAGE, lambda images: tuple("abcd"[: len(images)])).run(rows(count))
        assert texts.outputs["main"] == tuple("abcd"[:count])
        numbers = CallableTarget("t", IMAGE, lambda images: tuple(range(len(images)))).run(rows(count))
        assert numbers.main.tolist() == list(range(count))


def test_complex_numbers_are_judged_whole() -> None:
    seen = CallableTarget("t", IMAGE, lambda images: torch.fft.fft(images.flatten(1))).run(rows(3))
    assert seen.main.shape == (3, 16, 2)


@pytest.mark.parametrize("change", [lambda x: x.requires_grad_() * 1.0, lambda x: x.bfloat16()], ids=["grad", "bf16"])
def test_scores_of_a_function_with_labels_may_have_gradients_or_be_halves(change: Callable[[Tensor], Tensor]) -> None:
    def answer(images: Tensor) -> Tensor:
        with torch.enable_grad():
            return change(images.flatten(1)[:, :3].clone())

    seen = CallableTarget("t", IMAGE, answer, labels="abc").run(rows(4))
    assert seen.main.shape == (4, 3)


def test_a_part_that_comes_and_goes_is_named() -> None:
    def sometimes(images: Tensor) -> dict[str, Tensor]:
        scores = images.flatten(1)
        return {"logits": scores} if len(images) == 4 else {"logits": scores, "more": scores}

    target = CallableTarget("t", IMAGE, sometimes)
    target.run(rows(5))
    with pytest.raises(TargetError, match="'more'"):
        target.run(rows(4))


def test_the_check_says_what_is_judged_and_what_is_not() -> None:
    payloads = [np.full((1, 4, 4), 20 * at, np.uint8) for at in range(8)]
    target = ModuleTarget("t", IMAGE, Model(lambda y, x: {"loss": y.sum(), "logits": y, "hidden": x}), labels="abc")
    texts = [line.text for line in check(target, payloads, [None] * 8)]
    assert "judged is part 'logits' of the answer, by its name; output=\"hidden\" judges another" in texts
    assert "beside it, and looked at for NaN and infinity alone: 'hidden' (5)" in texts
    assert "judged as classes: one score a label; by nonfinite, label (task=... changes it)" in texts
    assert "left out, no tensor of one row an input: 'loss' (one number)" in texts


def test_the_check_says_in_its_own_words_what_is_no_answer() -> None:
    payloads = [np.full((1, 4, 4), 20 * at, np.uint8) for at in range(8)]
    lines = list(check(CallableTarget("t", IMAGE, lambda images: None), payloads, [None] * 8))
    assert [line.level for line in lines] == ["fail"]
    assert lines[0].text.startswith("target t: it answers with nothing (None)")
