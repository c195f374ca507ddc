"""What a target raises becomes data, row by row."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import torch
from torch import Tensor

from mlfuzz.batch import TensorRows
from mlfuzz.errors import DiskFullError, TargetError
from mlfuzz.modality.image import Image
from mlfuzz.targets.callable import CallableTarget
from mlfuzz.targets.execute import MAX_ROWS_PER_KEY, broken_target, crash_of, execute

IMAGE = Image(size=(4, 4))


def rows_with(bad: set[int], count: int = 64) -> TensorRows:
    data = torch.full((count, 1, 4, 4), 0.2)
    for row in bad:
        data[row] = 1.0
    return TensorRows(data, IMAGE)


def brittle(images: Tensor) -> Tensor:
    if bool((images.amax((1, 2, 3)) > 0.9).any()):
        raise ValueError("too bright")
    return images.flatten(1)[:, :3]


def test_guilty_rows_stand_alone_and_all_others_answer() -> None:
    calls = []

    def counted(images: Tensor) -> Tensor:
        calls.append(len(images))
        return brittle(images)

    done = execute(CallableTarget("t", IMAGE, counted), rows_with({3, 40}))
    assert [row for row, _ in done.crashes] == [3, 40]
    assert done.ran.tolist() == [row for row in range(64) if row not in (3, 40)]
    assert done.seen is not None
    assert len(done.seen.main) == 62
    assert len(calls) <= 1 + 2 * 2 * 6
    assert {crash.key for _, crash in done.crashes} == {"exception|ValueError|test_execute.py:brittle"}


def test_a_batch_that_all_raises_alike_is_not_taken_apart_to_the_end() -> None:
    done = execute(CallableTarget("t", IMAGE, brittle), rows_with(set(range(64))))
    assert len(done.crashes) == MAX_ROWS_PER_KEY
    assert done.skipped == 64 - MAX_ROWS_PER_KEY
    assert "a quarter" in broken_target(done, [], 64)


def test_one_row_in_twenty_of_a_large_batch_does_not_break_the_target() -> None:
    done = execute(CallableTarget("t", IMAGE, brittle), rows_with(set(range(7, 2048, 20)), 2048))
    assert len(done.crashes) == MAX_ROWS_PER_KEY
    assert done.skipped > 1024
    assert broken_target(done, [], 2048) == ""


def test_a_proper_refusal_is_no_crash() -> None:
    done = execute(CallableTarget("t", IMAGE, brittle, raises=(ValueError,)), rows_with({5}))
    assert (done.crashes, done.refused) == ((), 1)


def test_an_unmutated_input_that_raises_breaks_the_target() -> None:
    done = execute(CallableTarget("t", IMAGE, brittle), rows_with({5}))
    assert "unmutated" in broken_target(done, [5], 64)
    assert broken_target(done, [6], 64) == ""


def test_out_of_memory_of_a_batch_is_not_a_finding() -> None:
    def small_memory(images: Tensor) -> Tensor:
        if len(images) > 8:
            raise torch.OutOfMemoryError("no room")
        return images.flatten(1)[:, :3]

    done = execute(CallableTarget("t", IMAGE, small_memory), rows_with(set()))
    assert done.crashes == ()
    assert np.array_equal(done.ran, np.arange(64))


def test_a_shape_that_does_not_fit_is_raised_on() -> None:
    with pytest.raises(TargetError):
        execute(CallableTarget("t", IMAGE, lambda images: images.sum()), rows_with(set()))


def test_a_full_disk_under_what_the_target_prints_is_not_a_finding() -> None:
    def printing(images: Tensor) -> Tensor:
        if len(images) < 64:
            raise OSError(errno.ENOSPC, "No space left on device")
        raise ValueError

    with pytest.raises(DiskFullError, match="make room"):
        execute(CallableTarget("t", IMAGE, printing), rows_with({5}))


@pytest.mark.parametrize(
    "answer",
    [
        lambda scores, odd: None if odd.any() else scores,
        lambda scores, odd: [None if bad else row for row, bad in zip(scores, odd, strict=True)],
        lambda scores, odd: ["a text" if bad else row for row, bad in zip(scores, odd, strict=True)],
        lambda scores, odd: scores[~odd],
        lambda scores, odd: scores[:, :2] if odd.any() else scores,
        lambda scores, odd: scores[:, :, None] if odd.any() else scores,
    ],
    ids=["nothing", "nothing for one", "a text", "fewer answers", "fewer classes", "another shape"],
)
def test_an_answer_that_does_not_fit_is_data_once_others_did(answer) -> None:
    target = CallableTarget(
        "t", IMAGE, lambda images: answer(images.flatten(1)[:, :3], images.flatten(1).amax(1) > 0.9), labels="abc"
    )
    execute(target, rows_with(set()))
    done = execute(target, rows_with({5, 40}))
    assert [row for row, _ in done.crashes] == [5, 40]
    assert {crash.type for _, crash in done.crashes} == {"AnswerError"}
    assert len(done.ran) == 62


def test_an_exception_whose_text_raises_is_data_too() -> None:
    class Speechless(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    assert crash_of(Speechless()).message == "Speechless whose text cannot be had"
