"""Each mistake in a hand-over is named."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlfuzz.batch import from_payloads
from mlfuzz.modality.image import Image
from mlfuzz.targets.calibrate import affordable, speed
from mlfuzz.targets.callable import CallableTarget
from mlfuzz.targets.check import CheckLine, check
from mlfuzz.targets.module import ModuleTarget

IMAGE = Image(size=(4, 4))
PAYLOADS = [np.full((1, 4, 4), 25 * at, np.uint8) for at in range(8)]


def lines(target: ModuleTarget | CallableTarget, labels: list[str | None] | None = None) -> list[CheckLine]:
    return list(check(target, PAYLOADS, labels or [None] * 8))


def has_line(found: list[CheckLine], level: str, text: str) -> bool:
    return any(line.level == level and text in line.text for line in found)


def linear(*more: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 4), *more)


def test_a_sound_target_has_no_failing_line() -> None:
    found = lines(ModuleTarget("t", IMAGE, linear(nn.ReLU()), labels=range(4)))
    assert not [line for line in found if line.level == "fail"]
    assert has_line(found, "ok", "deterministic")
    assert has_line(found, "ok", "batch-invariant")
    assert has_line(found, "ok", "inputs/s at batch")


def test_training_mode_with_dropout_is_named() -> None:
    found = lines(ModuleTarget("t", IMAGE, linear(nn.Dropout(0.5)), labels=range(4), train_mode=True))
    assert has_line(found, "fail", "training mode (2)")
    assert has_line(found, "fail", "not deterministic")


def test_probabilities_and_logits_are_told_apart() -> None:
    assert has_line(lines(ModuleTarget("t", IMAGE, linear(nn.Softmax(1)), labels=range(4))), "ok", "probabilities")
    assert has_line(lines(ModuleTarget("t", IMAGE, linear(), labels=range(4))), "ok", "logits")


def test_labels_that_do_not_fit_the_output_are_named() -> None:
    assert has_line(lines(ModuleTarget("t", IMAGE, linear(), labels=range(3))), "fail", "names 3 labels")


def test_nan_on_every_seed_ends_the_check() -> None:
    found = lines(CallableTarget("t", IMAGE, lambda images: images.flatten(1) * float("nan")))
    assert found[-1].level == "fail"
    assert "NaN" in found[-1].text


@pytest.mark.parametrize("raised", [KeyError("scale"), SystemExit(0)], ids=["KeyError", "SystemExit"])
def test_a_target_that_raises_is_named_with_the_place(raised: BaseException) -> None:
    def broken(images: Tensor) -> Tensor:
        raise raised

    found = lines(CallableTarget("t", IMAGE, broken))
    assert len(found) == 1
    assert type(raised).__name__ in found[0].text
    assert "test_check.py:broken" in found[0].text


def test_writing_into_the_input_is_named() -> None:
    def scaled(images: Tensor) -> Tensor:
        return images.mul_(2).flatten(1)

    assert has_line(lines(CallableTarget("t", IMAGE, scaled)), "warn", "writes into its input")


def test_a_row_that_depends_on_its_batch_is_named() -> None:
    def centred(images: Tensor) -> Tensor:
        return images.flatten(1) - images.flatten(1).mean(0)

    assert has_line(lines(CallableTarget("t", IMAGE, centred)), "fail", "depends on its batch")


def test_accuracy_at_chance_is_a_failure() -> None:
    def zeros(images: Tensor) -> Tensor:
        scores = torch.zeros(len(images), 4)
        scores[:, 0] = 1.0
        return scores

    target = CallableTarget("t", IMAGE, zeros, labels=range(4))
    assert has_line(lines(target, ["1"] * 8), "fail", "clean accuracy 0.0%")


def test_functional_activations_are_missed_by_hooks_and_named() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.act = nn.Linear(16, 4), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.act(torch.relu(self.one(x.flatten(1))))  # type: ignore[no-any-return]

    assert has_line(
        lines(ModuleTarget("t", IMAGE, Plain(), labels=range(4))), "warn", "1 activations are plain functions"
    )


def test_a_target_that_waits_is_not_taken_for_one_that_costs_nothing() -> None:
    """A server, a device: its time is not the processor's."""
    ran: list[int] = []

    def waits(images: Tensor) -> Tensor:
        ran.append(len(images))
        time.sleep(0.01 * len(images))
        return images.flatten(1)

    target = CallableTarget("t", IMAGE, waits)
    measured = speed(target, from_payloads(PAYLOADS, IMAGE, target.device))
    assert (measured.batch, max(ran)) == (8, 8)
    assert speed(target, from_payloads(PAYLOADS, IMAGE, target.device), each=0.5).batch == 2
    assert speed(target, from_payloads(PAYLOADS, IMAGE, target.device), each=60.0).batch == 1


def test_of_a_slow_target_fewer_inputs_are_asked_but_never_fewer_than_a_stage_needs() -> None:
    assert affordable(16, 0.001, passes=5) == 16
    assert affordable(16, 0.25, passes=5) == 4
    assert affordable(16, 60.0, passes=5, least=2) == 2


@pytest.mark.slow
def test_a_slow_target_is_checked_on_fewer_seeds_and_that_is_said() -> None:
    ran: list[int] = []

    def slow(images: Tensor) -> Tensor:
        ran.append(len(images))
        time.sleep(0.25 * len(images) + (3.0 if len(ran) == 1 else 0.0))
        return images.flatten(1)[:, :4] + 1.0

    found = lines(CallableTarget("t", IMAGE, slow))
    assert not [line for line in found if line.level == "fail"]
    assert has_line(found, "ok", "the first call takes")
    assert has_line(found, "warn", "seeds, not 8")
    assert sum(ran) < 80


class Keywords(nn.Linear):
    def forward(self, *, pixels: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return super().forward(pixels.flatten(1))


class TwoArguments(nn.Linear):
    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return super().forward(x.flatten(1)) * mask


def _flat(**options: Any) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3, **options))


@pytest.mark.parametrize(
    ("model", "preprocess", "line"),
    [
        (_flat(dtype=torch.float64), None, "preprocess=lambda x: x.to(torch.float64)"),
        (_flat(dtype=torch.float16), None, "preprocess=lambda x: x.to(torch.float16)"),
        (_flat(dtype=torch.bfloat16), None, "preprocess=lambda x: x.to(torch.bfloat16)"),
        (nn.Conv2d(1, 2, 3, dtype=torch.float64), None, "preprocess=lambda x: x.to(torch.float64)"),
        (Keywords(16, 3), None, 'takes keywords; add to the target: preprocess=lambda x: {"pixel_values": x}'),
        (TwoArguments(16, 3), None, "let the preprocessing give a tuple of them"),
        (nn.Linear(4, 3), lambda x: x.numpy(), "torch.from_numpy(array).float()"),
        (nn.Linear(4, 3), lambda x: [x], "the model is handed no tensor"),
        (nn.Conv2d(3, 2, 3), None, "channels=3"),
        (nn.Sequential(nn.Flatten(), nn.Linear(17, 3)), None, "look at size= of the modality"),
    ],
    ids=["float64", "float16", "bfloat16", "convolution", "keywords", "arguments", "array", "list", "channels", "size"],
)
def test_what_a_model_raises_at_once_is_told_with_the_line_to_write(
    model: nn.Module, preprocess: Any, line: str
) -> None:
    target = ModuleTarget("t", Image(size=(4, 4)), model, preprocess=preprocess)
    found = list(check(target, [np.zeros((1, 4, 4), np.uint8)] * 4, [None] * 4))
    assert [one.level for one in found] == ["fail"]
    assert line in found[0].text
