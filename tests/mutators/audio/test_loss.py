"""What is lost, how much of it, and in what runs."""

from __future__ import annotations

import pytest
import torch

from .sounds import apply, rows_of, through

SECOND = 16000


def lost(name: str, count: int = 64, seconds: int = 2, **params) -> torch.Tensor:
    """(B, milliseconds) bool"""
    rows = rows_of(torch.full((count, 1, seconds * SECOND), 0.5))
    data = apply(name, rows, seed=list(range(count)), **params).data
    return data.view(count, -1, 16).eq(0).all(2)


@pytest.mark.parametrize(("share", "burst"), [(0.1, 1.0), (0.2, 3.0), (0.3, 2.0)])
def test_gilbert_loses_the_share_in_bursts_of_the_length(share, burst):
    gone = lost("packet_loss_gilbert", share=share, burst=burst, packet_ms=20)[:, ::20]
    assert gone.float().mean() == pytest.approx(share, abs=0.03)
    starts = (gone[:, 1:] & ~gone[:, :-1]).sum()
    assert gone[:, 1:].sum() / starts == pytest.approx(burst, rel=0.15)


def test_packets_are_lost_whole():
    gone = lost("packet_loss_gilbert", share=0.3, burst=1.5, packet_ms=25)
    assert torch.equal(gone.view(64, -1, 25).any(2), gone.view(64, -1, 25).all(2))


def test_periodic_loss_takes_the_end_of_each_period():
    wave = through("packet_loss_periodic", torch.full((1, 1, SECOND), 0.5), share=0.25, period_ms=40)
    periods = wave.view(25, 640) == 0
    assert not periods[:, :480].any()
    assert periods[:, 480:].all()


def test_dropouts_are_as_many_and_as_long_as_asked():
    rows = rows_of(torch.full((64, 1, SECOND), 0.5))
    data = apply("dropouts", rows, count=3, milliseconds=10.0, seed=list(range(64))).data
    silent = (data == 0).sum((1, 2)) / 16
    assert silent.max() == 30
    assert silent.median() == 30
    assert silent.min() >= 10


def test_a_length_that_is_no_multiple_of_a_millisecond_is_covered():
    data = torch.full((1, 1, 1607), 0.5)
    wave = through("packet_loss_periodic", data, share=1.0, period_ms=20)
    assert not wave.any()
    assert torch.equal(through("packet_loss_periodic", data, share=0.0, period_ms=20), data[0, 0])
