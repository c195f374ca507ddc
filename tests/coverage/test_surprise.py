"""Surprise against the definitions, written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mlfuzz.coverage.surprise import Surprise, distance_surprise, likelihood_surprise, mahalanobis_surprise
from mlfuzz.coverage.traces import Density, Mahalanobis, NearestTraces, Profile
from mlfuzz.errors import ConfigError, UsageError
from mlfuzz.observation import Observation


def traces(rows: int, *, key: int = 0) -> tuple[Tensor, Tensor]:
    """Two clouds in three dimensions, of unlike shape."""
    generator = torch.Generator().manual_seed(key)
    classes = torch.arange(rows) % 2
    shape = torch.tensor([[1.0, 0.3, 0.0], [0.0, 2.0, 0.5], [0.0, 0.0, 0.5]])
    return torch.randn((rows, 3), generator=generator) @ shape + 4.0 * classes[:, None], classes


def scored(profile: Profile, rows: Tensor, classes: Tensor) -> Tensor:
    profile.fit(*traces(400))
    return profile.score(rows, classes)


def test_distance_is_to_the_own_class_over_that_traces_distance_to_another() -> None:
    known, labels = traces(400)
    rows, classes = traces(20, key=1)
    wanted = []
    for row, label in zip(rows, classes, strict=True):
        own, others = known[labels == label], known[labels != label]
        nearest = own[(own - row).norm(dim=1).argmin()]
        wanted.append(float((nearest - row).norm() / (others - nearest).norm(dim=1).min()))
    assert scored(NearestTraces(), rows, classes).tolist() == pytest.approx(wanted, rel=1e-4)


def test_mahalanobis_is_the_distance_in_the_class_own_deviations() -> None:
    known, labels = traces(400)
    rows, classes = traces(20, key=1)
    wanted = []
    for row, label in zip(rows, classes, strict=True):
        own = known[labels == label]
        away = row - own.mean(0)
        wanted.append(float((away @ torch.linalg.inv(torch.cov(own.T, correction=0)) @ away).sqrt()))
    assert scored(Mahalanobis(), rows, classes).tolist() == pytest.approx(wanted, rel=0.05)


def test_likelihood_is_a_gaussian_kernel_density_of_the_class() -> None:
    known, labels = traces(400)
    rows, classes = traces(20, key=1)
    wanted = []
    for row, label in zip(rows, classes, strict=True):
        own = known[labels == label]
        bandwidth = torch.cov(own.T, correction=0) * len(own) ** (-2.0 / 7.0)
        away = own - row
        exponent = -0.5 * ((away @ torch.linalg.inv(bandwidth)) * away).sum(1)
        volume = 0.5 * torch.logdet(2 * np.pi * bandwidth)
        wanted.append(float(np.log(len(own)) + volume - torch.logsumexp(exponent, 0)))
    assert scored(Density(), rows, classes).tolist() == pytest.approx(wanted, abs=0.15)


@pytest.mark.parametrize("profile", [NearestTraces(), Mahalanobis(), Density()])
def test_a_class_that_was_not_profiled_is_infinitely_surprising(profile: Profile) -> None:
    rows, _ = traces(4)
    assert torch.isinf(scored(profile, rows, torch.full((4,), 7))).all()


@pytest.mark.parametrize("make", [likelihood_surprise, distance_surprise, mahalanobis_surprise])
def test_what_is_further_from_its_class_hits_a_higher_bucket(make: type) -> None:
    rows, classes = traces(400)
    main = torch.nn.functional.one_hot(classes, 2).float()
    criterion = make(buckets=50)
    criterion.fit(Observation({"main": main}, rows))
    away = rows[:1] + torch.tensor([0.0, 1.0, 2.0, 100.0])[:, None]
    places = criterion.embed(Observation({"main": main[:1].expand(4, -1)}, away)).flatten().tolist()
    assert places == sorted(places)
    assert places[-1] == 50
    assert criterion.observe(np.array([[3.0], [50.0], [3.0], [4.0]], np.float32), None).tolist() == [1, 0, 0, 1]
    assert criterion.covered()["buckets"] == 50


def test_an_upper_bound_may_be_given() -> None:
    rows, classes = traces(100)
    surprise = Surprise(NearestTraces(), 10, 2.0)
    surprise.fit(torch.cat([rows, classes[:, None].float()], 1))
    assert surprise.state()["range"].tolist() == [0.0, 2.0]


def test_without_profiled_rows_it_says_what_is_missing() -> None:
    with pytest.raises(UsageError, match="fit"):
        distance_surprise().embed(Observation({"main": torch.ones((2, 2))}, torch.ones((2, 3))))


def test_no_buckets_are_refused() -> None:
    with pytest.raises(ConfigError):
        distance_surprise(buckets=0)
