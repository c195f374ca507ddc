"""Targets made of torch modules and of plain callables."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

import mlfuzz
from mlfuzz.batch import TensorRows, TextRows
from mlfuzz.errors import TargetError, UnknownNameError
from mlfuzz.modality.image import Image
from mlfuzz.observation import Ragged
from mlfuzz.targets.callable import CallableTarget
from mlfuzz.targets.hooks import reduce
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.targets.outputs import Answers
from mlfuzz.targets.variants.base import varied

IMAGE = Image(size=(8, 8))


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5), nn.ReLU())


def rows(count: int = 6) -> TensorRows:
    torch.manual_seed(1)
    return TensorRows(torch.rand(count, 1, 8, 8), IMAGE).project()


def test_activations_are_one_column_a_unit_averaged_over_space() -> None:
    model = small()
    target = ModuleTarget("t", IMAGE, model)
    seen = target.run(rows())
    assert [(layer.name, layer.units) for layer in target.layers] == [("1", 4), ("5", 5)]
    expected = model[:2](rows().data).mean((2, 3))
    assert torch.allclose(seen.activations[:, :4], expected, atol=1e-6)
    assert torch.equal(seen.activations[:, 4:], seen.main)


def test_each_call_of_a_module_used_twice_has_columns_of_its_own() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.act = nn.Linear(64, 3), nn.Linear(3, 2), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.act(self.two(self.act(self.one(x.flatten(1)))))  # type: ignore[no-any-return]

    target = ModuleTarget("t", IMAGE, Twice())
    assert target.run(rows()).activations.shape == (6, 5)
    assert [(layer.call, layer.units) for layer in target.layers] == [(0, 3), (1, 2)]


def test_padding_never_counts_as_coverage() -> None:
    values = torch.zeros(2, 4, 3)
    values[0, :2] = 1.0
    values[1] = 1.0
    mask = torch.tensor([[True, True, False, False], [True, True, True, True]])
    assert torch.equal(reduce(values, True, mask), torch.ones(2, 3))
    assert torch.equal(reduce(values.transpose(1, 2), False, mask), torch.ones(2, 3))


def test_a_layer_that_a_pass_leaves_out_is_zero() -> None:
    class Sometimes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.flat, self.act, self.late = nn.Flatten(), nn.ReLU(), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            seen: Tensor = self.act(self.flat(x))
            return self.late(seen) if x.max() > 0.5 else seen

    target = ModuleTarget("t", IMAGE, Sometimes())
    bright = target.run(rows())
    dark = target.run(TensorRows(rows().data * 0.25, IMAGE).project())
    assert torch.equal(bright.activations[:, 64:], bright.main)
    assert torch.equal(dark.activations[:, :64], dark.main)
    assert not dark.activations[:, 64:].any()


def test_a_coarser_layer_thins_the_mask() -> None:
    values = torch.zeros(1, 2, 3)
    values[0, 0] = 1.0
    mask = torch.tensor([[True, True, False, False]])
    assert torch.equal(reduce(values, True, mask), torch.ones(1, 3))


def test_an_unknown_layer_is_answered_with_the_nearest() -> None:
    model = nn.Sequential()
    model.add_module("encoder", nn.Linear(4, 4))
    with pytest.raises(UnknownNameError, match="encoder"):
        ModuleTarget("t", IMAGE, model, layers=["encodr"])


def test_the_target_is_handed_the_declared_range() -> None:
    given: list[Tensor] = []

    def keep(images: Tensor) -> Tensor:
        given.append(images)
        return images

    image = Image(size=(8, 8), grid="float32", range=(-1.0, 1.0))
    ModuleTarget("t", image, small(), preprocess=keep).run(TensorRows(torch.ones(1, 1, 8, 8) * 0.25, image))
    assert float(given[0].min()) == float(given[0].max()) == -0.5


@pytest.mark.parametrize("change", ["weights", "preprocess", "labels", "size"])
def test_the_digest_tells_targets_apart(change: str) -> None:
    def twice(x: Tensor) -> Tensor:
        return 2 * x

    base = ModuleTarget("t", IMAGE, small(), labels=range(5)).digest
    model = small()
    if change == "weights":
        model[0].weight.data[0] += 1e-3
    other = ModuleTarget(
        "t", Image(size=(9, 9)) if change == "size" else IMAGE, model,
        preprocess=twice if change == "preprocess" else None, labels=range(4 if change == "labels" else 5),
    )  # fmt: skip
    assert ModuleTarget("another name", IMAGE, small(), labels=range(5)).digest == base
    assert other.digest != base


def test_a_wrong_shape_is_the_targets_error_and_names_it() -> None:
    class Squeezed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.sum()

    with pytest.raises(TargetError, match=r"target t: 6 inputs gave an output of shape \(\)"):
        ModuleTarget("t", IMAGE, Squeezed()).run(rows())


def test_a_black_box_may_give_texts_numbers_or_sequences() -> None:
    text = mlfuzz.per_item(str.upper)
    target = CallableTarget("t", IMAGE, text)
    seen = target.run(TextRows(("a", "b"), IMAGE))
    assert seen.outputs["main"] == ("A", "B")
    assert seen.activations.shape == (2, 0)
    ragged = Answers("t", (), output=None, task=None).read([torch.ones(2), torch.ones(3)], 2, torch.device("cpu"))[
        "main"
    ]
    assert isinstance(ragged, Ragged)
    assert ragged.lengths.tolist() == [2, 3]


def test_a_row_is_answered_by_its_own_bits_in_any_large_batch() -> None:
    target = ModuleTarget("t", IMAGE, small())
    many = rows(32)
    seen = target.run(many)
    part = target.run(many.part(8, 24))
    assert torch.equal(seen.main[8:24], part.main)


def test_a_target_that_writes_into_its_input_is_handed_copies_from_its_first_run_on() -> None:
    class Writing(nn.Module):
        def forward(self, pictures: Tensor) -> Tensor:
            return pictures.mul_(0.5).flatten(1)

    given, before = rows(), rows().data
    for target in (ModuleTarget("t", IMAGE, Writing()), CallableTarget("t", IMAGE, Writing())):
        answers = [target.run(given).main for _ in range(2)]
        assert torch.equal(given.data, before)
        assert torch.equal(answers[0], before.flatten(1) * 0.5)
        assert torch.equal(answers[0], answers[1])
        assert target.shield


class Table(nn.Module):
    """Makes a table in its first forward pass and keeps it, as rotary embeddings do."""

    def __init__(self) -> None:
        super().__init__()
        self.flat, self.fc, self.table = nn.Flatten(), nn.Linear(64, 3), None

    def forward(self, x: Tensor) -> Tensor:
        flat = self.flat(x)
        if self.table is None:
            self.table = torch.cos(torch.arange(flat.shape[1], dtype=flat.dtype))
        scores: Tensor = self.fc(flat * self.table)
        return scores


def windowed() -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    kept: dict[int, Tensor] = {}

    def preprocess(images: Tensor) -> Tensor:
        return images * kept.setdefault(8, torch.hann_window(8))

    return small(), preprocess


def first_pass_state() -> dict[str, tuple[nn.Module, Callable[[Tensor], Tensor] | None]]:
    return {
        "a table": (Table(), None),
        "a table further in": (nn.Sequential(Table(), nn.ReLU()), None),
        "lazy layers": (nn.Sequential(nn.Flatten(), nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(3)), None),
        "preprocessing": windowed(),
        "a weight norm": (nn.Sequential(nn.Flatten(), parametrizations.weight_norm(nn.Linear(64, 3))), None),
    }


@pytest.mark.parametrize("name", first_pass_state())
def test_what_a_first_pass_keeps_has_gradients_in_later_ones(name: str) -> None:
    model, preprocess = first_pass_state()[name]
    target = ModuleTarget("t", IMAGE, model, preprocess=preprocess)
    target.run(rows())
    for _ in range(2):
        given = rows(2)
        given.data.requires_grad_(True)
        target.trace(given).main.sum().backward()
        assert given.data.grad is not None
        assert bool(given.data.grad.abs().sum() > 0)
    assert not target.run(rows()).main.requires_grad


def test_a_black_box_and_a_model_beside_keep_what_they_make_usable() -> None:
    one, other = Table(), Table()
    target = varied(CallableTarget("t", IMAGE, one, variants={"other": CallableTarget("o", IMAGE, other)}), ["other"])
    assert not target.run(rows()).main.requires_grad
    for model in (one, other):
        assert model.table is not None
        assert not model.table.is_inference()


def test_a_forward_pass_may_differentiate_within_itself() -> None:
    class Slope(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            with torch.enable_grad():
                given = x.flatten(1).detach().requires_grad_(True)
                (slope,) = torch.autograd.grad((given**2).sum(), given)
            return slope

    given = rows()
    assert torch.allclose(ModuleTarget("t", IMAGE, Slope()).run(given).main, 2 * given.data.flatten(1))


def test_a_model_that_switches_gradients_on_gives_plain_numbers() -> None:
    class Always(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = small()

        def forward(self, x: Tensor) -> Tensor:
            with torch.enable_grad():
                scores: Tensor = self.model(x)
            return scores

    for target in (ModuleTarget("t", IMAGE, Always()), CallableTarget("t", IMAGE, Always())):
        seen = target.run(rows())
        assert not seen.main.requires_grad
        assert not seen.activations.requires_grad


class Picky(nn.Module):
    """Raises on what is bright."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.drop = small(), nn.Dropout(0.5)
        self.net[0].eval()
        self.net[4].weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        if not torch.jit.is_scripting() and bool(x.mean() > 0.9):
            raise ValueError("too bright")
        return self.drop(self.net(x))  # type: ignore[no-any-return]


def state(model: nn.Module) -> list[object]:
    parts = [(part.training, len(part._forward_hooks), len(part._forward_pre_hooks)) for part in model.modules()]
    tensors = [
        (value.dtype, value.device, value.requires_grad, value.grad, value.detach().sum().item())
        for value in model.parameters()
    ]
    return [parts, tensors, torch.get_rng_state().sum().item(), torch.is_grad_enabled()]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_module_is_left_as_it_was_found_by_answers_gradients_and_errors() -> None:
    model, given = Picky(), rows()
    before = state(model)
    target = ModuleTarget("t", IMAGE, model)
    assert target.was_training
    assert torch.equal(target.run(given).main, target.run(given).main)
    leaf = given.with_data(given.data.clone().requires_grad_())
    (gradient,) = torch.autograd.grad(target.trace(leaf).main.sum(), leaf.data)
    assert bool(gradient.any())
    for run in (target.run, target.trace, target.forward):
        with pytest.raises(ValueError, match="too bright"):
            run(given.with_data(torch.ones_like(given.data)))
    assert len(target.digest) > 64
    assert state(model) == before
    assert torch.jit.script(model) is not None


def test_a_module_that_merges_weights_in_evaluation_mode_is_put_there_once() -> None:
    class Merging(nn.Linear):
        merged = 0

        def train(self, mode: bool = True) -> Merging:
            self.merged += not mode
            return super().train(mode)

    model = nn.Sequential(nn.Flatten(), Merging(64, 3), nn.Dropout())
    target = ModuleTarget("t", IMAGE, model)
    assert torch.equal(target.run(rows()).main, target.run(rows()).main)
    assert model[1].merged == 1
    assert not model[1].training
