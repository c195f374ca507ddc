from __future__ import annotations

import pytest
import torch

from mlfuzz.batch import TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.mutators.image.occlusion import grid_mask, noise_block, occlusion, patch


def ramp(channels: int = 1, size: tuple[int, int] = (40, 50), n: int = 4) -> TensorRows:
    """Every pixel of a row different."""
    pixels = size[0] * size[1]
    data = (torch.arange(1, pixels + 1) / (pixels + 1)).view(1, 1, *size).repeat(n, channels, 1, 1)
    return TensorRows(data, Image(size=size, channels=3 if channels == 3 else 1, grid="float32"))


def test_a_block_covers_its_share_of_each_side() -> None:
    rows = ramp(channels=3)
    size = torch.tensor([0.0, 0.1, 0.2, 0.3])
    seen = occlusion(rows, size=size, x=torch.full((4,), 0.5), y=torch.full((4,), 0.5), shade=torch.zeros(4)).data
    covered = 1 - (seen / rows.data).mean((1, 2, 3))
    torch.testing.assert_close(covered, size**2, atol=0.01, rtol=0)


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])
def test_a_block_lies_inside_where_it_is_told_to(x: float, y: float) -> None:
    rows = ramp()
    seen = occlusion(
        rows, size=torch.full((4,), 0.2), x=torch.full((4,), x), y=torch.full((4,), y), shade=torch.zeros(4)
    ).data
    top, left = round(y * 32), round(x * 40)
    inside = seen[..., top : top + 8, left : left + 10]
    assert float(inside.abs().max()) < 1e-4
    assert int((seen < 1e-4).sum()) == 4 * 80


def test_a_noise_block_differs_by_seed_and_leaves_the_rest() -> None:
    rows = ramp()
    half = torch.full((4,), 0.5)
    seen = noise_block(rows, size=torch.full((4,), 0.2), x=half, y=half, seed=torch.arange(4)).data
    assert int((seen != rows.data).sum()) == pytest.approx(4 * 80, abs=4)
    assert not torch.equal(seen[0], seen[1])


def test_a_patch_is_an_exact_copy_from_elsewhere() -> None:
    rows = ramp(channels=3)
    one, zero = torch.ones(4), torch.zeros(4)
    seen = patch(rows, size=torch.full((4,), 0.2), x=one, y=one, from_x=zero, from_y=zero).data
    torch.testing.assert_close(seen[..., 28:36, 35:45], rows.data[..., :8, :10], atol=0, rtol=0)
    assert int((seen != rows.data).sum()) == 4 * 3 * 80


def test_patches_of_every_size_run_in_one_call() -> None:
    rows = ramp()
    one, zero = torch.ones(4), torch.zeros(4)
    size = torch.tensor([0.0, 0.1, 0.3, 5.0])
    seen = patch(rows, size=size, x=one, y=one, from_x=zero, from_y=zero).data
    assert (seen != rows.data).flatten(1).sum(1).tolist() == [0, 4 * 5, 12 * 15, 12 * 15]


def test_a_grid_hides_the_square_of_its_size() -> None:
    rows = ramp(size=(120, 120))
    seen = grid_mask(
        rows, size=torch.tensor([0.0, 0.2, 0.3, 0.45]), period=torch.full((4,), 0.25), x=torch.zeros(4),
        y=torch.full((4,), 0.3), shade=torch.ones(4),
    ).data  # fmt: skip
    hidden = (seen == 1).float().mean((1, 2, 3))
    torch.testing.assert_close(hidden, torch.tensor([0.0, 0.2, 0.3, 0.45]) ** 2, atol=0.03, rtol=0)
