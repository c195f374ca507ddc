"""Rows that are worked on at the same time: all of them, and what goes wrong in one is raised."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from mlfuzz.batch import TensorRows
from mlfuzz.modality.audio import Audio
from mlfuzz.mutators import row_threads
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.mutators.row_threads import each_row
from mutators.audio.sounds import chirp


@pytest.mark.parametrize("processors", [1, 2, 8])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_each_row_is_worked_on_once_and_no_thread_is_left(monkeypatch, processors, count):
    monkeypatch.setattr(row_threads, "processors", lambda: processors)
    before, seen = threading.active_count(), np.zeros(count, np.int64)

    def work(row):
        seen[row] += 1

    each_row(work, count)
    assert seen.tolist() == [1] * count
    assert threading.active_count() == before


def test_what_goes_wrong_in_one_is_raised(monkeypatch):
    monkeypatch.setattr(row_threads, "processors", lambda: 4)

    def work(row):
        if row == 3:
            raise ValueError("no such rate")

    with pytest.raises(ValueError, match="no such rate"):
        each_row(work, 5)


@pytest.mark.parametrize("name", ["audio.vorbis", "audio.gsm"])
def test_a_codec_gives_the_same_bits_on_any_number_of_threads(monkeypatch, name):
    rows = TensorRows(torch.cat([chirp()[:, :, :4000] * part for part in (1.0, 0.5, 0.2)]), Audio(seconds=0.25))
    part = MUTATORS.get(name)
    recorded = part.draw(3, np.random.default_rng(1))
    made = []
    for processors in (1, 4):
        monkeypatch.setattr(row_threads, "processors", lambda processors=processors: processors)
        made.append(part.apply(rows, recorded).data)
    assert torch.equal(*made)
