"""Healthy modules in every form that people hand over, through the whole line: what runs under no_grad() runs here."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from mlfuzz.batch import TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.targets.portions import portion_of
from zoo.line import walk

# torch says of scripting, quantising, complex modules, and old norms that they will go, or are new.
pytestmark = pytest.mark.filterwarnings("ignore")

SIZE = 8
IMAGE = Image(size=(SIZE, SIZE))
SHAPE = (torch.zeros(3, 1, SIZE, SIZE),)
INPUTS = 120
FORMS: dict[str, Callable[[], Any]] = {}


class Quarters(nn.Module):
    """Which quarter of a picture is bright."""

    def __init__(self, act: nn.Module | None = None) -> None:
        super().__init__()
        self.pool, self.act, self.fc = nn.AdaptiveAvgPool2d(2), act or nn.ReLU(), nn.Linear(4, 4)
        with torch.no_grad():
            self.fc.weight.copy_(torch.eye(4) * 10)
            self.fc.bias.zero_()

    def features(self, x: Tensor) -> Tensor:
        return self.act(self.pool(x)).flatten(1)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.act(self.pool(x)).flatten(1))  # type: ignore[no-any-return]


def target(model: Any, **options: Any) -> ModuleTarget:
    return ModuleTarget("quarters", IMAGE, model, labels="0123", **options)


def form(make: Callable[[], Any]) -> Callable[[], Any]:
    def made() -> ModuleTarget:
        torch.manual_seed(0)
        model = make()
        return model if isinstance(model, ModuleTarget) else target(model)

    FORMS[make.__name__.strip("_").replace("_", " ")] = made
    return make


@form
def plain() -> nn.Module:
    return Quarters()


@form
def in_training_mode_with_dropout() -> nn.Module:
    return nn.Sequential(Quarters(), nn.Dropout(0.9)).train()


@form
def batch_norm() -> nn.Module:
    return nn.Sequential(nn.BatchNorm2d(1), Quarters())


for dtype in (torch.float16, torch.bfloat16, torch.float64):

    def of_type(dtype: torch.dtype = dtype) -> ModuleTarget:
        return target(Quarters().to(dtype), preprocess=lambda x: x.to(dtype))

    of_type.__name__ = f"weights of {dtype}"
    form(of_type)


@form
def complex_weights() -> nn.Module:
    class Net(Quarters):
        def forward(self, x: Tensor) -> Tensor:
            return (self.features(x).to(torch.complex64) @ self.turn).abs()

    model = Net()
    model.turn = nn.Parameter(torch.eye(4, dtype=torch.complex64))
    return model


@form
def complex_answer() -> ModuleTarget:
    class Net(Quarters):
        def forward(self, x: Tensor) -> Tensor:
            return torch.fft.fft(self.features(x))

    return ModuleTarget("waves", IMAGE, Net())


@form
def float8_weights() -> nn.Module:
    class Net(Quarters):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("small", torch.eye(4).to(torch.float8_e4m3fn))

        def forward(self, x: Tensor) -> Tensor:
            return self.features(x) @ self.small.to(torch.float32)

    return Net()


@form
def dynamically_quantised() -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(Quarters().eval(), {nn.Linear}, dtype=torch.qint8)  # type: ignore[no-any-return]


@form
def statically_quantised() -> nn.Module:
    model = nn.Sequential(torch.ao.quantization.QuantStub(), Quarters(), torch.ao.quantization.DeQuantStub()).eval()
    model.qconfig = torch.ao.quantization.get_default_qconfig("x86")
    prepared = torch.ao.quantization.prepare(model)
    prepared(torch.rand(8, 1, SIZE, SIZE))
    return torch.ao.quantization.convert(prepared)  # type: ignore[no-any-return]


@form
def scripted() -> nn.Module:
    return torch.jit.script(Quarters().eval())


@form
def scripted_in_training_mode() -> nn.Module:
    return torch.jit.script(nn.Sequential(Quarters(), nn.Dropout(0.9)))


@form
def traced() -> nn.Module:
    return torch.jit.trace(Quarters().eval(), SHAPE)  # type: ignore[no-any-return]


@form
def frozen() -> nn.Module:
    return torch.jit.freeze(torch.jit.script(Quarters().eval()))  # type: ignore[no-any-return]


@form
def scripted_inside() -> nn.Module:
    return nn.Sequential(torch.jit.script(Quarters().eval()), nn.ReLU())


@form
def graph() -> nn.Module:
    return torch.fx.symbolic_trace(Quarters().eval())


@form
def exported() -> nn.Module:
    return torch.export.export(Quarters().eval(), SHAPE, dynamic_shapes=({0: torch.export.Dim.AUTO},)).module()


@form
def exported_for_three() -> nn.Module:
    return torch.export.export(Quarters().eval(), SHAPE).module()


@form
def exported_for_one() -> nn.Module:
    return torch.export.export(Quarters().eval(), (SHAPE[0][:1],)).module()


@form
def compiled() -> nn.Module:
    return torch.compile(Quarters(), backend="eager")  # type: ignore[return-value]


@form
def compiled_for_each_size() -> nn.Module:
    return torch.compile(Quarters(), backend="eager", dynamic=False)  # type: ignore[return-value]


@form
def compiled_in_place() -> nn.Module:
    model = Quarters()
    model.compile(backend="eager", dynamic=False)
    return model


@form
def compiled_inside() -> nn.Module:
    return nn.Sequential(torch.compile(Quarters(), backend="eager", dynamic=False), nn.ReLU())  # type: ignore[arg-type]


@form
def forward_compiled() -> nn.Module:
    model = Quarters()
    model.forward = torch.compile(model.forward, backend="eager", dynamic=False)  # type: ignore[method-assign]
    return model


@form
def data_parallel() -> nn.Module:
    return nn.DataParallel(Quarters())


@form
def wrapped_in_a_class() -> nn.Module:
    class Wrapper(nn.Module):
        def __init__(self, module: nn.Module) -> None:
            super().__init__()
            self.module = module

        def __getattr__(self, name: str) -> Any:
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.module, name)

        def forward(self, *given: Any, **named: Any) -> Any:
            return self.module(*given, **named)

    return Wrapper(Quarters())


@form
def lazy_layer() -> ModuleTarget:
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(16), nn.ReLU(), nn.LazyBatchNorm1d(), nn.LazyLinear(4))
    return ModuleTarget("lazy", IMAGE, model)


@form
def parametrised() -> nn.Module:
    class Symmetric(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x + x.T) / 2

    model = Quarters()
    parametrize.register_parametrization(model.fc, "weight", Symmetric())
    return model


@form
def weight_norm() -> nn.Module:
    model = Quarters()
    model.fc = parametrizations.weight_norm(model.fc)
    return model


@form
def old_weight_norm() -> nn.Module:
    model = Quarters()
    model.fc = nn.utils.weight_norm(model.fc)
    return model


@form
def old_spectral_norm() -> nn.Module:
    model = Quarters()
    model.fc = nn.utils.spectral_norm(model.fc)
    return model


@form
def spectral_norm() -> nn.Module:
    model = Quarters()
    model.fc = parametrizations.spectral_norm(model.fc)
    return model


@form
def called_twice() -> nn.Module:
    class Net(Quarters):
        def forward(self, x: Tensor) -> Tensor:
            return self.act(self.fc(self.act(self.fc(self.features(x)))))  # type: ignore[no-any-return]

    return Net()


@form
def in_place_activation() -> nn.Module:
    return nn.Sequential(nn.ReLU(inplace=True), Quarters(nn.ReLU(inplace=True)))


@form
def writes_into_its_input() -> nn.Module:
    class Net(Quarters):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.mul_(0.5))

    return Net()


@form
def one_input_at_a_time() -> nn.Module:
    class Net(Quarters):
        def forward(self, x: Tensor) -> Tensor:
            if len(x) != 1:
                raise ValueError("this model takes one picture at a time")
            return super().forward(x)

    return Net()


@form
def squeezes_its_batch() -> nn.Module:
    class Net(Quarters):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.reshape(1, 1, SIZE, SIZE))

    return Net()


@form
def table_made_lazily() -> nn.Module:
    class Net(Quarters):
        table: Tensor | None = None

        def forward(self, x: Tensor) -> Tensor:
            found = self.features(x)
            if self.table is None:
                self.table = torch.cos(torch.arange(4.0) * 0.01)[None]
            return self.fc(found * self.table)  # type: ignore[no-any-return]

    return Net()


@form
def buffer_made_lazily() -> nn.Module:
    class Net(Quarters):
        def forward(self, x: Tensor) -> Tensor:
            if not hasattr(self, "table"):
                self.register_buffer("table", torch.ones(4))
            return self.fc(self.features(x) * self.table)  # type: ignore[no-any-return]

    return Net()


@form
def gradient_inside() -> nn.Module:
    class Net(Quarters):
        def forward(self, x: Tensor) -> Tensor:
            with torch.enable_grad():
                leaf = x.detach().clone().requires_grad_()
                (slope,) = torch.autograd.grad(self.features(leaf).pow(2).sum(), leaf)
            return self.fc(self.features(slope * 32))  # type: ignore[no-any-return]

    return Net()


@form
def no_grad_inside() -> nn.Module:
    class Net(Quarters):
        @torch.no_grad()
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)

    return Net()


@form
def inference_mode_inside() -> nn.Module:
    class Net(Quarters):
        @torch.inference_mode()
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)

    return Net()


@form
def autocast_inside() -> nn.Module:
    class Net(Quarters):
        def forward(self, x: Tensor) -> Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return super().forward(x)

    return Net()


@form
def checkpointed() -> nn.Module:
    class Net(Quarters):
        def forward(self, x: Tensor) -> Tensor:
            return torch.utils.checkpoint.checkpoint(super().forward, x, use_reentrant=False)

    return Net()


@form
def gives_numpy_inside() -> nn.Module:
    class Net(Quarters):
        def forward(self, x: Tensor) -> Tensor:
            return self.fc(torch.from_numpy(np.maximum(self.features(x).numpy(), 0)))  # type: ignore[no-any-return]

    return Net()


@form
def weights_without_gradients() -> nn.Module:
    return Quarters().requires_grad_(False)


@form
def hook_of_its_own() -> nn.Module:
    model = Quarters()
    model.fc.register_forward_hook(lambda part, given, answer: answer * 2)
    return model


@form
def copied_weights() -> nn.Module:
    model = Quarters()
    return copy.deepcopy(model)


@form
def channels_last() -> nn.Module:
    return Quarters().to(memory_format=torch.channels_last)


@form
def no_weights() -> nn.Module:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.adaptive_avg_pool2d(x, 2).flatten(1) * 10

    return Net()


@form
def keyword_arguments() -> ModuleTarget:
    class Net(Quarters):
        def forward(self, *, pixel_values: Tensor) -> Tensor:
            return super().forward(pixel_values)

    return target(Net(), preprocess=lambda x: {"pixel_values": x})


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image as Picture

    folder = tmp_path_factory.mktemp("zoo") / "seeds"
    rng = np.random.default_rng(0)
    for label in range(4):
        (folder / str(label)).mkdir(parents=True)
        for number in range(2):
            pixels = rng.integers(0, 60, (SIZE, SIZE), dtype=np.uint8)
            y, x = divmod(label, 2)
            pixels[4 * y : 4 * y + 4, 4 * x : 4 * x + 4] += 150
            Picture.fromarray(pixels).save(folder / str(label) / f"{number}.png")
    return folder


WALKED = (
    "in training mode with dropout", "weights of torch.bfloat16", "complex answer", "dynamically quantised", "scripted",
    "exported for three", "compiled in place", "lazy layer", "old weight norm", "one input at a time",
    "table made lazily",
)  # fmt: skip
"""One of each kind goes through the whole line, which takes seconds."""

SLOW = (
    "traced",
    "frozen",
    "statically quantised",
    *(name for name in FORMS if "exported" in name or "compiled" in name),
)
WITHOUT = (
    "no grad inside", "inference mode inside", "gives numpy inside", "dynamically quantised", "statically quantised",
    "gradient inside",
)  # fmt: skip
"""Forms whose answers know nothing of the pixels that they were made of."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in FORMS]
)
def test_a_module_of_any_form_answers_as_it_does_without_us_in_batches_of_any_size(name: str) -> None:
    made, bare = FORMS[name](), FORMS[name]()
    data = torch.rand(5, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    for count in (2, 1, 5):
        rows = TensorRows(data[:count].clone(), IMAGE).project()
        seen = made.run(rows)
        assert seen.activations.shape[0] == count
        assert isinstance(seen.main, Tensor)
        assert len(seen.main) == count
        assert torch.equal(made.run(rows).main, seen.main)
        if name != "lazy layer":  # its weights are drawn in its first run
            assert torch.allclose(by_hand(bare, rows), seen.main.float(), atol=5e-2)
    leaf = rows.with_data(rows.data.clone().requires_grad_())
    if name not in WITHOUT:
        (gradient,) = torch.autograd.grad(made.trace(leaf).main.abs().sum(), leaf.data, allow_unused=True)
        assert gradient is not None
        assert gradient.shape == rows.data.shape
    assert made.digest == FORMS[name]().digest


def by_hand(made: ModuleTarget, rows: TensorRows) -> Tensor:
    """Row by row, or in threes, as the module's owner would write it: eval() and no_grad()."""
    size = 3 if portion_of(made.model)[0] == 3 else 1  # written down for so many
    if not made.mode_is_fixed:
        made.model.eval()
    answers = []
    with torch.no_grad():
        for row in range(len(rows)):
            given = rows.data[row : row + 1].repeat(size, 1, 1, 1)
            prepared = given if made.preprocess is None else made.preprocess(given)
            answer = made.model(**prepared) if isinstance(prepared, dict) else made.model(prepared)
            answers.append(answer[:1])
    answer = torch.cat(answers)
    return torch.view_as_real(answer) if answer.is_complex() else answer.float()


@pytest.mark.slow
@pytest.mark.parametrize("name", WALKED)
def test_a_healthy_module_goes_through_the_whole_line(name: str, seeds: Path, tmp_path: Path) -> None:
    walked = walk(FORMS[name](), seeds, tmp_path / "c", inputs=INPUTS, batch=8)
    assert walked.ready, [line.text for line in walked.lines if line.level == "fail"]
    assert walked.stats is not None
    assert not [finding for finding in walked.findings if finding.oracle == "crash"], "what mlfuzz does is no failure"


@pytest.mark.slow
def test_a_compiled_module_is_compiled_for_one_size_of_batch() -> None:
    compiled: list[list[Tensor]] = []

    def backend(graph: torch.fx.GraphModule, examples: list[Tensor]) -> Any:
        compiled.append(examples)
        return graph.forward

    made = target(torch.compile(Quarters(), backend=backend, dynamic=False))
    for count in (2, 1, 16, 7, 33):
        rows = TensorRows(torch.rand(count, 1, SIZE, SIZE), IMAGE)
        seen = made.run(rows)
        assert torch.allclose(seen.main, Quarters().eval()(rows.data), atol=1e-5)
        leaf = rows.with_data(rows.data.clone().requires_grad_())
        (gradient,) = torch.autograd.grad(made.trace(leaf).main.sum(), leaf.data)
        assert gradient.shape == rows.data.shape
    assert len(compiled) == 1


@pytest.mark.parametrize("declared", [None, 3])
def test_rows_of_a_model_for_one_size_of_batch_are_handed_over_in_portions(declared: int | None) -> None:
    sizes: list[int] = []

    class Net(Quarters):
        def forward(self, x: Tensor) -> Tensor:
            sizes.append(len(x))
            if len(x) != (declared or 1):
                raise ValueError("a batch of another size")
            return super().forward(x)

    made = target(Net(), batch=declared)
    for count in (1, 2, 3, 7):
        rows = TensorRows(torch.rand(count, 1, SIZE, SIZE), IMAGE)
        assert torch.allclose(made.run(rows).main, Quarters().eval()(rows.data), atol=1e-5)
        assert made.run(rows).activations.shape == (count, 1)
    assert made.batch == (declared or 1)


def test_a_model_that_refuses_an_input_is_not_taken_for_one_of_single_inputs() -> None:
    class Net(Quarters):
        def forward(self, x: Tensor) -> Tensor:
            if bool((x > 0.9).any()):
                raise ValueError("too bright")
            return super().forward(x)

    made = target(Net())
    data = torch.zeros(4, 1, SIZE, SIZE)
    data[2] = 1.0
    with pytest.raises(ValueError, match="too bright"):
        made.run(TensorRows(data, IMAGE))
    assert made.batch == 0
    assert made.run(TensorRows(data[:2], IMAGE)).main.shape == (2, 4)
