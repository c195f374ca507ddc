from __future__ import annotations

import pytest
import torch

from mlfuzz.batch import TensorRows
from mlfuzz.modality.image import Image
from mlfuzz.mutators.image import fields
from mlfuzz.mutators.image.light import glare, shadow
from mlfuzz.mutators.image.weather import fog, frost, mist, rain, snow, spatter

SIZE = (36, 48)
SEEDS = torch.arange(16)


def grey(value: float, *, channels: int = 1) -> TensorRows:
    modality = Image(size=SIZE, channels=3 if channels == 3 else 1, grid="float32")
    return TensorRows(torch.full((16, channels, *SIZE), value), modality)


def full(value: float) -> torch.Tensor:
    return torch.full((16,), value)


def test_fog_lifts_black_and_flattens_contrast() -> None:
    data = torch.zeros(16, 1, *SIZE)
    data[..., ::2] = 1
    rows = grey(0).with_data(data)
    seen = fog(rows, amount=full(1.0), seed=SEEDS).data
    assert float(seen[..., 1::2].mean()) > 0.1
    contrast = seen[..., ::2].mean((1, 2, 3)) - seen[..., 1::2].mean((1, 2, 3))
    assert bool((contrast < 0.6).all())


def test_mist_only_brightens() -> None:
    seen = mist(grey(0.3), opacity=full(0.5), seed=SEEDS).data
    assert bool((seen >= 0.3).all())
    assert float(seen.mean()) > 0.4


@pytest.mark.parametrize("operator", [rain, snow])
def test_more_drops_fall_where_the_density_is_higher(operator: object) -> None:
    shares = []
    for density in (0.0, 0.1, 0.4):
        columns = {"density": full(density), "lean": full(0.0), "seed": SEEDS}
        if operator is rain:
            columns["opacity"] = full(0.7)
        seen = operator(grey(0.2), **columns).data  # type: ignore[operator]
        shares.append(float((seen > 0.45).float().mean()))
    assert shares[0] == 0
    assert 0 < shares[1] < shares[2] < 0.3


def test_rain_leans_as_told() -> None:
    def lean(degrees: float) -> float:
        seen = fields.streaks(SEEDS, (64, 64), full(degrees))[:, 0]
        left = (seen[:, :-4, :-2] * seen[:, 4:, 2:]).mean()
        right = (seen[:, :-4, 2:] * seen[:, 4:, :-2]).mean()
        return float(left - right)

    assert lean(30.0) > 0 > lean(-30.0)


def test_frost_is_thickest_at_the_rim() -> None:
    seen = frost(grey(0.0), amount=full(0.8), seed=SEEDS).data
    middle = seen[..., 12:24, 16:32].mean()
    assert float(seen[..., :6, :8].mean()) > 1.5 * float(middle) > 0


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_spatter_covers_its_share_of_the_area(share: float) -> None:
    rows = TensorRows(torch.zeros(256, 1, *SIZE), Image(size=SIZE, grid="float32"))
    every = torch.arange(256)
    seen = spatter(rows, share=torch.full((256,), share), mud=torch.zeros(256), seed=every).data
    assert float((seen > 0).float().mean()) == pytest.approx(share, abs=0.03)


def test_mud_is_brown_and_water_is_pale() -> None:
    for mud, brighter in ((1.0, False), (0.0, True)):
        seen = spatter(grey(0.5, channels=3), share=full(0.2), mud=full(mud), seed=SEEDS).data
        hit = (seen != 0.5).any(1)
        red, green, blue = (plane[hit].mean() for plane in seen.unbind(1))
        assert bool(red > green > blue) is (mud == 1.0)
        assert bool(green > 0.5) is brighter


def test_shadow_darkens_one_side_and_leaves_the_other() -> None:
    seen = shadow(grey(0.8), strength=full(0.5), facing=full(0.0), offset=full(0.0)).data
    torch.testing.assert_close(seen[..., :20], torch.full_like(seen[..., :20], 0.8))
    torch.testing.assert_close(seen[..., 28:], torch.full_like(seen[..., 28:], 0.4))


def test_glare_is_brightest_at_its_place_and_ends_at_its_radius() -> None:
    seen = glare(grey(0.2), strength=full(0.5), x=full(0.25), y=full(0.5), radius=full(0.3)).data[0, 0]
    assert divmod(int(seen.argmax()), SIZE[1]) in [(y, x) for y in (17, 18) for x in (11, 12)]
    assert float(seen.max()) == pytest.approx(0.6, abs=0.01)
    assert bool((seen[:, 28:] == 0.2).all())


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 5), (120, 40)])
def test_fields_of_any_size_stay_in_their_range(size: tuple[int, int]) -> None:
    seeds = torch.arange(64) * 33_554_393
    degrees = torch.linspace(-90, 90, 64)
    for field in (
        fields.clouds(seeds, size), fields.blobs(seeds, size), fields.crystals(seeds, size),
        fields.streaks(seeds, size, degrees), fields.flakes(seeds, size, degrees),
    ):  # fmt: skip
        assert field.shape == (64, 1, *size)
        assert float(field.min()) >= 0
        assert float(field.max()) <= 1


def test_windows_are_copies_of_their_texture() -> None:
    before = fields.clouds(SEEDS, SIZE)
    fields.clouds(SEEDS, SIZE).zero_()
    torch.testing.assert_close(fields.clouds(SEEDS, SIZE), before)
    assert len(torch.unique(before.flatten(1), dim=0)) == len(SEEDS)
