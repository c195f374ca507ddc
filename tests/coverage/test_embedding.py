"""The embedding: standard scale, few columns, nothing forgotten."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mlfuzz.coverage.embedding import Embedding, fit, identity


def features(rows: int, width: int, *, rank: int = 6, key: int = 0) -> Tensor:
    """Rows in a few directions, units of very different size and offset."""
    generator = torch.Generator().manual_seed(key)
    directions = torch.randn((rank, width), generator=torch.Generator().manual_seed(99))
    rows_ = torch.randn((rows, rank), generator=generator) @ directions
    noise = 0.01 * torch.randn((rows, width), generator=generator)
    return (rows_ + noise) * torch.logspace(-0.4, 0.4, width) + torch.linspace(0, 50, width)


def test_few_features_are_standardised_and_not_projected() -> None:
    rows = features(400, 20)
    seen = fit(rows).embed(rows)
    assert seen.shape == (400, 20)
    assert torch.allclose(seen.mean(0), torch.zeros(20), atol=1e-3)
    assert torch.allclose(seen.std(0), torch.ones(20), atol=1e-2)


@pytest.mark.parametrize(("width", "columns"), [(33, 32), (226, 32), (1024, 64), (2500, 64)])
def test_many_features_become_few_columns(width: int, columns: int) -> None:
    rows = features(60, width)
    embedding = fit(rows)
    assert embedding.width == columns
    assert embedding.embed(rows).shape == (60, columns)


@pytest.mark.parametrize(("rows", "width"), [(1, 400), (63, 5000), (130, 5000), (1501, 400)])
def test_a_batch_worked_in_blocks_gives_what_one_worked_whole_gives(rows: int, width: int) -> None:
    components = torch.linalg.qr(torch.randn((width, 31), generator=torch.Generator().manual_seed(1))).Q
    embedding = Embedding(torch.linspace(0, 5, width), torch.linspace(1, 2, width), components)
    seen = torch.randn((rows, width), generator=torch.Generator().manual_seed(2))
    standard = (seen - embedding.mean) / embedding.scale
    kept = standard @ components
    dropped = (standard.square().sum(1) - kept.square().sum(1)).clamp_min(0.0).sqrt()
    torch.testing.assert_close(embedding.embed(seen), torch.cat([kept, dropped[:, None]], 1), rtol=1e-4, atol=1e-4)


def test_distances_along_what_was_seen_are_kept() -> None:
    rows = features(300, 200)
    embedding = fit(rows)
    standard = (rows - embedding.mean) / embedding.scale
    whole, kept = torch.cdist(standard, standard), torch.cdist(embedding.embed(rows), embedding.embed(rows))
    assert torch.allclose(whole, kept, rtol=0.02, atol=0.3)


def test_a_direction_never_seen_lengthens_the_residual() -> None:
    rows = features(300, 200)
    embedding = fit(rows)
    strange = rows[:5] + 5.0 * embedding.scale * torch.randn((5, 200), generator=torch.Generator().manual_seed(5))
    assert (embedding.embed(strange)[:, -1] > 10 * embedding.embed(rows[:5])[:, -1]).all()


def test_components_are_orthonormal_and_their_sign_is_fixed() -> None:
    components = fit(features(300, 200)).components
    assert components is not None
    assert torch.allclose(components.T @ components, torch.eye(components.shape[1]), atol=1e-5)
    assert (components.gather(0, components.abs().argmax(0, keepdim=True)) > 0).all()


def test_a_fit_is_the_same_each_time() -> None:
    rows = features(300, 200)
    first, second = fit(rows).state(), fit(rows.clone()).state()
    assert all(np.array_equal(first[name], second[name]) for name in ("mean", "scale", "components"))


def test_the_leading_components_hold_as_much_as_the_best_ones() -> None:
    rows = features(400, 150, rank=60)
    embedding = fit(rows)
    standard = ((rows - embedding.mean) / embedding.scale).double()
    assert embedding.components is not None
    held = float((standard @ embedding.components.double()).square().sum())
    best = float(torch.linalg.svdvals(standard)[: embedding.components.shape[1]].square().sum())
    assert held > 0.99 * best


def test_a_unit_that_never_moved_does_not_drown_the_others() -> None:
    rows = features(100, 10)
    rows[:, 3] = 7.0
    moved = rows[:1].clone()
    moved[0, 3] = 7.01
    embedding = fit(rows)
    assert float((embedding.embed(moved) - embedding.embed(rows[:1])).abs().max()) < 1.0


def test_rows_that_are_not_finite_do_not_spoil_a_fit() -> None:
    rows = features(100, 40)
    spoiled = torch.cat([rows, torch.full((1, 40), float("nan")), torch.full((1, 40), float("inf"))])
    assert torch.equal(fit(spoiled).mean, fit(rows).mean)
    assert fit(spoiled[100:]).width == 40


@pytest.mark.parametrize("width", [8, 300])
def test_one_row_is_enough_and_tells_its_children_apart(width: int) -> None:
    seed = features(1, width)
    embedding = fit(seed)
    children = seed * (1 + 0.1 * torch.randn((20, width), generator=torch.Generator().manual_seed(1)))
    seen = embedding.embed(children)
    assert torch.isfinite(seen).all()
    assert float(torch.pdist(seen).min()) > 0


def test_the_identity_changes_nothing() -> None:
    rows = features(5, 40)
    assert torch.equal(identity(40).embed(rows), rows)


def test_a_restored_embedding_gives_the_same_bits() -> None:
    rows = features(100, 80)
    embedding = fit(rows)
    assert torch.equal(Embedding.restore(embedding.state()).embed(rows), embedding.embed(rows))
