"""The tasks are what their sources say: these tests hold the parts that need no training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from tasks import broken_loss, nan, operators, roads
from tasks.catalogue import REAL, TASKS
from tasks.judge import Judge
from tasks.top1 import Top1

import mlfuzz
from mlfuzz.batch import Batch, Rows, TensorRows
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.observation import Observation


def batch(count: int) -> Batch:
    rows = TensorRows(torch.zeros(count, 1, 1, 1), mlfuzz.Image(size=(1, 1)))
    numbers = np.zeros(count, np.int64)
    return Batch(rows, numbers, numbers, np.zeros((count, 1), np.float32), np.ones(count, np.bool_))


def margins(numbers: Sequence[float]) -> list[float]:
    outputs = broken_loss.loss_and_gradient(torch.tensor(numbers).reshape(-1, 1, 1, 1))
    seen = Observation(outputs, torch.zeros(len(numbers), 0))
    return broken_loss.FlatAndWrong().check(seen, seen, batch(len(numbers))).margin.tolist()


def test_the_loss_is_flat_where_it_is_wrong_and_nowhere_else() -> None:
    fails = [margin > 0 for margin in margins([-900.0, -9.0, 0.5, 5.0, 16.0, 18.0, 900.0])]
    assert fails == [False, False, False, False, False, True, True]


def test_the_way_to_the_left_looks_better_than_the_start_and_leads_nowhere() -> None:
    start, left, further, right = margins([0.5, -3.0, -8.0, 3.0])
    assert left > start > right  # the margin deceives
    assert further < 0


def test_the_gradient_of_the_loss_is_the_one_that_autograd_gives() -> None:
    numbers = torch.linspace(-8, 8, 33, requires_grad=True)
    loss = broken_loss.loss_and_gradient(numbers.reshape(-1, 1, 1, 1))
    (wanted,) = torch.autograd.grad(loss["loss"].sum(), numbers)
    assert torch.allclose(loss["gradient"][:, 0], wanted, atol=1e-5)


@pytest.mark.parametrize(("logits", "fine"), [([0.0, 20.0], True), ([89.0, 80.0], False), ([-60.0, 50.0], False)])
def test_the_unsafe_loss_breaks_by_overflow_and_by_a_probability_of_nothing(logits: list[float], fine: bool) -> None:
    value = nan.unsafe_cross_entropy(torch.tensor([logits]), torch.tensor([[0.0, 1.0]]))
    assert bool(torch.isfinite(value).all()) is fine


def top1(one: list[float], other: list[float]) -> float:
    outputs = {"main": torch.tensor([one]), "fp16.main": torch.tensor([other])}
    seen = Observation(outputs, torch.zeros(1, 0))
    return float(Top1(of="fp16").check(seen, seen, batch(1)).margin)


def test_how_wrong_a_variant_is_is_the_targets_own_lead() -> None:
    assert top1([3.0, 2.5, 0.0], [1.0, 9.0, 0.0]) == pytest.approx(0.5)
    assert top1([2.0, 3.0], [1.0, 1.0]) == pytest.approx(1.0)  # a tie of the variant's names the first class
    assert top1([3.0, 2.0, 0.0], [3.0, 2.75, 0.0]) == pytest.approx(-0.25)


def test_no_operator_of_a_task_is_in_the_default_set() -> None:
    names = {*operators.deephunter(), operators.white_noise(0.1, "image.tensorfuzz_noise")}
    assert not any(MUTATORS.get(name).default for name in names)
    rotate = MUTATORS.get("image.dh_rotate").space["degrees"]
    assert (rotate.low, rotate.high) == (-50.0, 49.0)  # type: ignore[attr-defined]


def test_every_transformation_of_deeptest_is_there_with_fog_and_rain() -> None:
    names = operators.deeptest()
    assert {"image.fog", "image.rain", "image.dt_translate", "image.dt_shear", "image.blur_bilateral"} <= set(names)
    assert len(names) == 12  # its blur is four


def test_roads_that_bend_to_the_right_are_steered_to_the_right() -> None:
    frames, angles = roads.render(400, np.random.default_rng(1))
    far = frames[:, 0, roads.HORIZON + 1 : roads.HORIZON + 5]
    across = torch.arange(roads.WIDTH).float()
    road = (far > 0.43).float()
    middle = (road * across).sum((1, 2)) / road.sum((1, 2)).clamp_min(1)
    assert float(torch.corrcoef(torch.stack([middle, angles]))[0, 1]) > 0.5
    assert float(angles.abs().max()) <= 1.0
    assert frames.shape == (400, 1, roads.HEIGHT, roads.WIDTH)
    assert torch.equal((frames * 255).round() / 255, frames)


def test_a_label_is_kept_where_more_than_half_of_the_judges_see_it() -> None:
    def says(*wanted: bool):  # type: ignore[no-untyped-def]
        return lambda rows, labels: np.asarray(wanted)

    def embed(rows: Rows) -> np.ndarray:
        assert isinstance(rows, TensorRows)
        return rows.data.flatten(1).numpy()

    payloads = [np.full((1, 2, 2), level, np.uint8) for level in (0, 255)]
    modality = mlfuzz.Image(size=(2, 2))
    three = Judge((says(True, True), says(True, False), says(False, False)), ("a", "b", "c"), embed, 1.0)
    assert three.kept(payloads, ["x", "y"], modality).tolist() == [True, False]
    assert Judge((says(True, True), says(True, False)), ("a", "b"), embed, 1.0).kept(
        payloads, ["x", "y"], modality
    ).tolist() == [True, False]
    assert three.features(payloads, modality).tolist() == [[0.0] * 4, [1.0] * 4]


def test_the_short_mode_has_every_task_with_a_smaller_budget() -> None:
    assert all(0 < task.short < task.evaluations for task in TASKS.values())
    assert set(TASKS) >= {"nan", "loss", "fp16", "bf16", "int8", "deephunter", "deeptest"}
    assert set(TASKS) >= {"digits", "speech", "language", "fp16 8-bit", "bf16 8-bit", "int8 8-bit"}


def test_the_broken_loss_is_fuzzed_from_a_number_between_nought_and_one(tmp_path: Path) -> None:
    setup = broken_loss.build(3, tmp_path)
    natural = np.load(setup.seeds) * 2 * broken_loss.REACH - broken_loss.REACH
    assert natural.shape == (1, 1, 1, 1)
    assert 0.0 < float(natural[0, 0, 0, 0]) < 1.0


def test_real_models_are_given_at_most_600_inputs() -> None:
    assert {"photos", "photos int8", "minilm", "minilm search", "voice", "voice frames"} <= set(REAL)
    assert all(TASKS[name].evaluations <= 600 for name in REAL)
