"""What makes a target faster is on only where its answers stay, is part of what it is, and is refused elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mlfuzz.batch import Rows, from_payloads
from mlfuzz.config.settings import TargetConfig
from mlfuzz.errors import ConfigError, TargetError
from mlfuzz.modality.image import Image
from mlfuzz.oracles.base import Floor, margin_floor
from mlfuzz.targets.acceleration import Acceleration, idle
from mlfuzz.targets.faithful import require_faithful, weighed
from mlfuzz.targets.load import load
from mlfuzz.targets.module import ModuleTarget

SOURCE = """
import warnings

import mlfuzz
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
image = mlfuzz.Image(size=(8, 8))
net = mlfuzz.ModuleTarget("net", image, model)
box = mlfuzz.CallableTarget("box", image, lambda x: x.mean((2, 3)))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    scripted = mlfuzz.ModuleTarget("scripted", image, torch.jit.script(model.eval()))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "faster_project.py").write_text(SOURCE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("faster_project", None)


class Sure(nn.Module):
    """Says 0 or 1 of a class, so that the last bits of what it computes are not seen."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.layer, self.factor = nn.Linear(64, 3), factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.layer(x.flatten(1)) * self.factor).softmax(1)


def target_of(model: nn.Module, **options: object) -> ModuleTarget:
    return ModuleTarget("tiny", Image(size=(8, 8)), model, **options)  # type: ignore[arg-type]


def conv() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


def pictures(count: int = 8) -> Rows:
    rng = np.random.default_rng(0)
    payloads = [rng.integers(0, 256, (1, 8, 8), dtype=np.uint8) for _ in range(count)]
    return from_payloads(payloads, Image(size=(8, 8)), torch.device("cpu"))


def floor_of(single: float, spread: float) -> float:
    return margin_floor(Floor(single, spread))


def test_bf16_that_moves_the_answers_is_refused_with_by_how_much() -> None:
    target = target_of(conv(), precision="bf16")
    (one,) = weighed(target, pictures(), floor_of)
    assert one.apart > one.floor
    with pytest.raises(TargetError, match=r'precision = "bf16" is refused: answers to 8 seeds are up to .* apart'):
        require_faithful(target, pictures(), floor_of)


def test_bf16_whose_last_bits_are_not_seen_stays_on() -> None:
    torch.manual_seed(0)
    target = target_of(Sure(1e6), precision="bf16")
    require_faithful(target, pictures(), floor_of)
    assert target.run(pictures()).outputs["main"].dtype == torch.float32


def test_labels_that_differ_refuse_it_whatever_the_floor() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(64, 10)
    nn.init.constant_(layer.bias, 100.0)  # where numbers in bf16 are half a unit apart
    target = target_of(nn.Sequential(nn.Flatten(), layer), precision="bf16")
    (one,) = weighed(target, pictures(64), lambda *_: float("inf"))
    assert one.others
    assert not one.faithful


def test_pictures_reach_the_module_with_their_channels_last_and_answers_stay() -> None:
    seen = []
    model = conv()
    model[0].register_forward_pre_hook(
        lambda _, given: seen.append(given[0].is_contiguous(memory_format=torch.channels_last))
    )  # type: ignore[index]
    target = ModuleTarget("tiny", Image(size=(8, 8), channels=1), model, channels_last=True)
    require_faithful(target, pictures(), floor_of)
    assert all(seen)


def test_channels_last_of_a_module_without_pictures_is_refused() -> None:
    target = target_of(nn.Linear(64, 3), preprocess=lambda x: x.flatten(1), channels_last=True)
    with pytest.raises(TargetError, match="channels-last is for modules that are handed pictures"):
        target.run(pictures())


def test_tf32_on_the_processor_is_said_to_do_nothing() -> None:
    options = Acceleration(precision="tf32")
    assert "left off on cpu" in idle(options, torch.device("cpu"))
    assert idle(options, torch.device("cuda")) == ""
    (one,) = weighed(target_of(conv(), precision="tf32"), pictures(), floor_of)
    assert one.apart == 0


def test_options_are_part_of_the_digest_and_none_of_them_changes_it() -> None:
    model = conv()
    digests = [target_of(model, **options).digest for options in ({}, {"precision": "bf16"}, {"channels_last": True})]
    assert len(set(digests)) == 3
    assert target_of(model, precision="").digest == digests[0]


def test_an_unknown_precision_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="known: tf32, bf16"):
        target_of(conv(), precision="fp8")


def test_a_configuration_hands_them_over_in_the_name_that_findings_keep(project: Path) -> None:
    config = TargetConfig(use="faster_project:net", precision="bf16", channels_last=True)
    assert config.load == "faster_project:net?precision=bf16&channels-last=yes"
    target = load(config.load, directory=project)
    assert target.accelerator.options == Acceleration("bf16", channels_last=True)
    assert TargetConfig(use="faster_project:net").load == "faster_project:net"


def test_a_black_box_refuses_them_with_what_to_do(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"box is a function: .*mlfuzz.ModuleTarget; leave precision and compile out"):
        load("faster_project:box?precision=bf16&compile=yes", directory=project)


def test_torchscript_is_not_compiled_again(project: Path) -> None:
    with pytest.raises(ConfigError, match="is TorchScript, which"):
        load("faster_project:scripted?compile=yes", directory=project)


def test_gradients_reach_the_input_through_them() -> None:
    target = target_of(conv(), precision="bf16", channels_last=True)
    rows = pictures()
    rows = rows.with_data(rows.data.requires_grad_())  # type: ignore[attr-defined]
    assert target.trace(rows).outputs["main"].requires_grad


def _broken(*_: object) -> None:
    raise RuntimeError("no working C++ compiler found")


@pytest.mark.slow
def test_a_compiled_module_answers_alike_and_one_that_cannot_be_compiled_says_what_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compile_ = torch.compile
    monkeypatch.setattr(torch, "compile", lambda model: compile_(model, backend="eager"))
    model = conv().eval()
    target = target_of(model, compile=True)
    require_faithful(target, pictures(), floor_of)
    assert target.batch == 32
    with target.running_with(Acceleration()):
        assert target.batch == 0
    assert target.digest != target_of(model).digest
    with pytest.raises(ConfigError, match="is compiled already"):
        target_of(target.model, compile=True)
    monkeypatch.setattr(torch, "compile", lambda model: compile_(model, backend=_broken))
    with pytest.raises(TargetError, match=r"cannot be compiled: .*apt install g\+\+.*leave compile out"):
        target_of(conv(), compile=True).run(pictures())
