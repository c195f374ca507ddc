"""Modules that are compiled, exported or wrapped are taken as they are, and told apart by what they do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlfuzz.batch import TensorRows
from mlfuzz.errors import ConfigError, TargetError, TargetLoadError
from mlfuzz.modality.image import Image
from mlfuzz.targets.check import CheckLine, check
from mlfuzz.targets.modes import placed
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.targets.variants.base import varied

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*TorchScript.*", "ignore:.*LeafSpec.*")

IMAGE = Image(size=(4, 4))
SHAPE = (torch.zeros(3, 1, 4, 4),)


class Net(nn.Module):
    def __init__(self, *, times: int = 3, act: nn.Module | None = None, weight: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.flat, self.fc, self.act, self.out = nn.Flatten(), nn.Linear(16, 4), act or nn.ReLU(), nn.Linear(4, 3)
        self.drop, self.times = nn.Dropout(0.5), times
        with torch.no_grad():
            self.fc.weight[0, 0] += weight

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.drop(self.out(self.act(self.fc(self.flat(x)))))
        return scores * self.times


def exported(model: nn.Module) -> nn.Module:
    return torch.export.export(model.eval(), SHAPE, dynamic_shapes=({0: torch.export.Dim.AUTO},)).module()


def frozen(model: nn.Module) -> nn.Module:
    return torch.jit.freeze(torch.jit.script(model.eval()))  # type: ignore[no-any-return]


def tuned(model: nn.Module) -> nn.Module:
    return torch.jit.optimize_for_inference(torch.jit.script(model.eval()))  # type: ignore[no-any-return]


def traced(model: nn.Module) -> nn.Module:
    return torch.jit.trace(model.eval(), SHAPE)  # type: ignore[no-any-return]


FORMS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "script": torch.jit.script,
    "frozen": frozen,
    "optimised": tuned,
    "traced": traced,
    "script inside": lambda model: nn.Sequential(torch.jit.script(model), nn.ReLU()),
    "exported": exported,
    "exported inside": lambda model: nn.Sequential(exported(model), nn.ReLU()),
    "compiled": lambda model: torch.compile(model, backend="eager"),  # type: ignore[dict-item]
    "parallel": nn.DataParallel,
    "graph": torch.fx.symbolic_trace,
}
SLOW = ("exported", "exported inside", "compiled")
"""Exporting takes seconds."""


def some(*names: str) -> list[object]:
    return [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in names]


PROGRAMS = some("script", "frozen", "optimised", "script inside", "exported", "exported inside")


def rows(count: int = 5) -> TensorRows:
    return TensorRows(torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(1)), IMAGE).project()


def lines(target: ModuleTarget) -> list[CheckLine]:
    return list(check(target, [np.full((1, 4, 4), 25 * at, np.uint8) for at in range(8)], [None] * 8))


def has_line(found: Sequence[CheckLine], level: str, text: str) -> bool:
    return any(line.level == level and text in line.text for line in found)


@pytest.mark.parametrize("form", some(*FORMS))
def test_every_form_answers_as_its_module_does_with_gradients(form: str) -> None:
    target = ModuleTarget("t", IMAGE, FORMS[form](Net()), labels="abc")
    expected = Net().eval()(rows().data)
    expected = expected.relu() if "inside" in form else expected
    assert torch.allclose(target.run(rows()).main, expected, atol=1e-5)
    given = rows(2)
    given.data.requires_grad_(True)
    target.trace(given).main.sum().backward()
    assert given.data.grad is not None
    assert target.digest.startswith("2:")


@pytest.mark.parametrize("form", some(*FORMS))
def test_every_form_passes_the_check(form: str) -> None:
    found = lines(ModuleTarget("t", IMAGE, FORMS[form](Net()), labels="abc"))
    assert not [line for line in found if line.level == "fail"]
    assert has_line(found, "ok", "takes no hooks") == (form in ("script", "frozen", "optimised", "traced"))
    assert has_line(found, "ok", "refuses eval()") == ("exported" in form)


def test_a_script_in_training_mode_is_named() -> None:
    found = lines(ModuleTarget("t", IMAGE, torch.jit.script(Net()), labels="abc"))
    assert has_line(found, "warn", "came in training mode")
    found = lines(ModuleTarget("t", IMAGE, torch.jit.script(Net()), labels="abc", train_mode=True))
    assert has_line(found, "fail", "training mode (drop)")


def test_a_layer_that_takes_no_hooks_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"layer 'fc' takes no hooks.*leave layers out"):
        ModuleTarget("t", IMAGE, torch.jit.script(Net()), layers=["fc"])


@pytest.mark.parametrize("form", PROGRAMS)
def test_programs_that_answer_differently_have_digests_of_their_own(form: str) -> None:
    def digest(model: nn.Module) -> str:
        return ModuleTarget("t", IMAGE, FORMS[form](model.eval())).digest

    others = [Net(times=4), Net(act=nn.Tanh()), Net(weight=1.0)]
    assert digest(Net()) == digest(Net())
    assert len({digest(model) for model in (Net(), *others)}) == 4


@pytest.mark.slow
def test_a_program_has_the_same_digest_in_another_process(tmp_path: Path) -> None:
    for name in ("script", "frozen"):
        FORMS[name](Net().eval()).save(str(tmp_path / f"{name}.pt"))  # type: ignore[operator]
    asked = (
        "import sys, torch, mlfuzz\n"
        "other = torch.jit.script(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()))\n"
        "for path in sys.argv[1:]:\n"
        "    print(mlfuzz.ModuleTarget('t', mlfuzz.Image(size=(4, 4)), torch.jit.load(path)).digest)\n"
    )
    paths = [str(tmp_path / f"{name}.pt") for name in ("script", "frozen")]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", asked, *paths], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == [ModuleTarget("t", IMAGE, torch.jit.load(path)).digest for path in paths]


@pytest.mark.parametrize("form", some("script", "exported"))
@pytest.mark.parametrize("variant", ["bf16", "fp16", "single"])
def test_a_program_is_compared_with_other_forms_of_itself(form: str, variant: str) -> None:
    seen = varied(ModuleTarget("t", IMAGE, FORMS[form](Net()), labels="abc"), [variant]).run(rows())
    main = seen.outputs[f"{variant}.main"]
    assert isinstance(main, Tensor)
    assert torch.allclose(main, seen.main, atol=0.2)


@pytest.mark.parametrize("variant", ["int8", "int8-torch"])
def test_a_program_that_has_no_layers_to_quantise_is_not_compared_with_itself(variant: str) -> None:
    with pytest.raises(TargetError, match=rf"{variant}: .* no layer that is quantised .*variants="):
        varied(ModuleTarget("t", IMAGE, torch.jit.script(Net())), [variant])


@pytest.mark.slow
def test_what_stands_behind_a_part_that_refuses_is_put_in_evaluation_mode() -> None:
    model = nn.Sequential(exported(Net()), nn.Dropout(0.5))
    target = ModuleTarget("t", IMAGE, model, labels="abc")
    assert torch.equal(target.run(rows()).main, target.run(rows()).main)
    assert model[1].training


class Heavy(nn.Linear):
    """A quantised or offloaded module does not let itself be moved."""

    def to(self, *_: object, **__: object) -> Heavy:  # type: ignore[override]
        raise ValueError(".to is not supported for 8-bit models")


def test_a_module_that_will_not_be_moved_is_taken_where_it_is() -> None:
    model = Heavy(16, 3)
    assert placed(model, torch.device("cpu")) is model
    with pytest.raises(TargetLoadError, match="cannot be moved to meta"):
        placed(model, torch.device("meta"))
