"""Slow targets are fuzzed and blamed for nothing; what hangs is still found."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlfuzz.budget import Budget
from mlfuzz.campaign.spec import WorkerSpec
from mlfuzz.campaign.supervisor.supervise import run
from mlfuzz.events import CampaignResult, Event, WorkerDied
from mlfuzz.replay import Case, replay
from mlfuzz.request import CampaignRequest
from mlfuzz.testing.puzzles import puzzle_seeds

pytestmark = pytest.mark.slow

SOURCE = """
import time
import mlfuzz
from mlfuzz.testing import puzzles

MODEL = puzzles.{puzzle}().model
CALLS, SHAPES = [], set()

def slow(count):
    if not CALLS:
        time.sleep({first})
    CALLS.append(count)
    if count not in SHAPES:
        SHAPES.add(count)
        time.sleep({shape})
    time.sleep({each} * count)

def module():
    target = puzzles.{puzzle}()
    target.model.register_forward_pre_hook(lambda _, inputs: slow(len(inputs[0])))
    return target

def function():
    def answer(pictures):
        slow(len(pictures))
        return MODEL(pictures)
    return mlfuzz.CallableTarget("slow", puzzles.{puzzle}().modality, answer, labels=puzzles.{puzzle}().labels)

def items():
    def answer(picture):
        slow(1)
        return MODEL(picture[None])[0]
    return mlfuzz.CallableTarget(
        "slow", puzzles.{puzzle}().modality, mlfuzz.per_item(answer), labels=puzzles.{puzzle}().labels
    )
"""


def fuzzed(
    folder: Path, form: str, *, inputs: int, puzzle: str = "raise_when_flat", first: float = 0.0, shape: float = 0.0,
    each: float = 0.0, **options: object,
) -> tuple[CampaignResult, list[WorkerDied]]:  # fmt: skip
    puzzle_seeds(folder / "seeds")
    (folder / "late.py").write_text(SOURCE.format(puzzle=puzzle, first=first, shape=shape, each=each))
    died: list[WorkerDied] = []

    def tell(event: Event) -> None:
        if isinstance(event, WorkerDied):
            died.append(event)

    spec = WorkerSpec(target=f"late:{form}", directory=str(folder), seeds=str(folder / "seeds"), **options)  # type: ignore[arg-type]
    return run(CampaignRequest(spec, folder / "c", Budget(inputs=inputs)), tell), died


@pytest.mark.parametrize("form", ["module", "function", "items"])
def test_a_slow_first_call_is_held_against_no_input(form: str, tmp_path: Path) -> None:
    outcome, died = fuzzed(tmp_path, form, inputs=64, first=6.0, batch=16)
    assert not died
    assert outcome.stats.inputs >= 64
    assert not [one for one in outcome.findings if one.kind == "hang"]


def test_a_slow_first_call_of_each_batch_size_is_held_against_no_input(tmp_path: Path) -> None:
    outcome, died = fuzzed(tmp_path, "module", inputs=40, shape=2.0, batch=8)
    assert not died
    assert outcome.stats.inputs >= 40


def test_a_target_of_few_inputs_a_second_is_fuzzed(tmp_path: Path) -> None:
    outcome, died = fuzzed(tmp_path, "items", inputs=8, each=0.25)
    assert not died
    assert outcome.stats.inputs >= 8
    assert any("instead of 1024" in warning for warning in outcome.stats.warnings)


@pytest.mark.turns(2)
def test_an_input_that_hangs_is_found_confirmed_and_replayed_behind_a_slow_first_call(tmp_path: Path) -> None:
    outcome, died = fuzzed(tmp_path, "module", puzzle="hang_when_bright", inputs=64, first=6.0, batch=32)
    assert died
    hang = next(one for one in outcome.findings if one.kind == "hang")
    again = replay([Case(hang, tmp_path / "c" / "findings" / hang.id)], directory=tmp_path)
    assert again[0].state == "fails"
