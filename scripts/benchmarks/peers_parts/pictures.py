"""Which transforms of torchvision, Kornia and Albumentations do what our operators on pictures do, as strong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor

Run = Callable[[], object]


def torchvision_of(build: Callable[[Any], Callable[[Tensor], Tensor]], rows: Tensor) -> Run:
    """A transform draws once a call: rows that differ from each other are transformed one by one."""
    from torchvision.transforms import v2

    transform = build(v2)
    one_by_one = list(rows)
    return lambda: [transform(row) for row in one_by_one]


def kornia_of(build: Callable[[Any], Callable[[Tensor], Tensor]], rows: Tensor) -> Run:
    """Draws for each row of a batch."""
    import kornia.augmentation

    transform = build(kornia.augmentation)
    return lambda: transform(rows)


def albumentations_of(build: Callable[[Any], Any], rows: Tensor) -> Run:
    """One 8-bit picture a call, channels last."""
    import albumentations

    transform = build(albumentations)
    pictures = list(np.ascontiguousarray((rows.numpy().transpose(0, 2, 3, 1) * 255).astype(np.uint8)))
    return lambda: [transform(image=picture)["image"] for picture in pictures]


CALLS: Mapping[str, Callable[[Any, Tensor], Run]] = {
    "torchvision": torchvision_of, "kornia": kornia_of, "albumentations": albumentations_of,
}  # fmt: skip


def alike(**libraries: Callable[[Any], Any]) -> Mapping[str, Callable[[Any], Any]]:
    return libraries


def affine(torch_range: Mapping[str, Any], kornia_range: Mapping[str, Any], other: Mapping[str, Any]) -> Any:
    """Random affine maps of all three, bilinear."""
    return alike(
        torchvision=lambda v2: v2.RandomAffine(
            **{"degrees": 0, **torch_range}, interpolation=v2.InterpolationMode.BILINEAR
        ),
        kornia=lambda k: k.RandomAffine(**{"degrees": 0.0, **kornia_range}, p=1.0),
        albumentations=lambda a: a.Affine(**other, p=1.0),
    )


PICTURES: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    "brightness": alike(
        kornia=lambda k: k.RandomBrightness((0.75, 1.25), p=1.0),
        albumentations=lambda a: a.RandomBrightnessContrast(0.25, 0.0, p=1.0),
    ),
    "contrast": alike(
        torchvision=lambda v2: v2.ColorJitter(contrast=(0.4, 2.0)),
        albumentations=lambda a: a.ColorJitter((1, 1), (0.4, 2.0), (1, 1), (0, 0), p=1.0),
    ),
    "contrast_gain": alike(
        torchvision=lambda v2: v2.ColorJitter(brightness=(0.5, 1.9)),
        kornia=lambda k: k.RandomContrast((0.5, 1.9), p=1.0),
        albumentations=lambda a: a.MultiplicativeNoise((0.5, 1.9), p=1.0),
    ),
    "saturation": alike(
        torchvision=lambda v2: v2.ColorJitter(saturation=(0.0, 2.5)),
        kornia=lambda k: k.RandomSaturation((0.0, 2.5), p=1.0),
        albumentations=lambda a: a.ColorJitter((1, 1), (1, 1), (0.0, 2.5), (0, 0), p=1.0),
    ),
    "hue": alike(
        torchvision=lambda v2: v2.ColorJitter(hue=0.125),
        kornia=lambda k: k.RandomHue((-0.125, 0.125), p=1.0),
        albumentations=lambda a: a.HueSaturationValue(22, 0, 0, p=1.0),
    ),
    "gamma": alike(
        kornia=lambda k: k.RandomGamma((0.5, 2.0), p=1.0), albumentations=lambda a: a.RandomGamma((50, 200), p=1.0)
    ),
    "posterize": alike(
        torchvision=lambda v2: v2.RandomPosterize(4, p=1.0),
        kornia=lambda k: k.RandomPosterize((3, 8), p=1.0),
        albumentations=lambda a: a.Posterize((3, 7), p=1.0),
    ),
    "channel_swap": alike(
        torchvision=lambda v2: v2.RandomChannelPermutation(),
        kornia=lambda k: k.RandomChannelShuffle(p=1.0),
        albumentations=lambda a: a.ChannelShuffle(p=1.0),
    ),
    "sharpen": alike(
        torchvision=lambda v2: v2.RandomAdjustSharpness(2.0, p=1.0),
        kornia=lambda k: k.RandomSharpness((0.0, 2.0), p=1.0),
        albumentations=lambda a: a.Sharpen((0.0, 1.0), (1.0, 1.0), p=1.0),
    ),
    "blur_gauss": alike(
        torchvision=lambda v2: v2.GaussianBlur(5, (0.1, 0.65)),
        kornia=lambda k: k.RandomGaussianBlur((5, 5), (0.1, 0.65), p=1.0),
        albumentations=lambda a: a.GaussianBlur((5, 5), (0.1, 0.65), p=1.0),
    ),
    "blur_mean": alike(
        kornia=lambda k: k.RandomBoxBlur((3, 3), p=1.0), albumentations=lambda a: a.Blur((3, 3), p=1.0)
    ),
    "blur_median": alike(
        kornia=lambda k: k.RandomMedianBlur((3, 3), p=1.0), albumentations=lambda a: a.MedianBlur((3, 3), p=1.0)
    ),
    "defocus": alike(albumentations=lambda a: a.Defocus((1, 1), (0.1, 0.5), p=1.0)),
    "glass": alike(albumentations=lambda a: a.GlassBlur(0.5, 1, 1, p=1.0)),
    "motion": alike(
        kornia=lambda k: k.RandomMotionBlur(3, (0.0, 180.0), 0.0, p=1.0),
        albumentations=lambda a: a.MotionBlur((3, 3), p=1.0),
    ),
    "zoom_blur": alike(albumentations=lambda a: a.ZoomBlur((1.01, 1.2), (0.02, 0.03), p=1.0)),
    "pixelate": alike(albumentations=lambda a: a.Downscale((0.5, 1.0), p=1.0)),
    "resize": alike(
        albumentations=lambda a: a.Downscale((0.4, 0.99), {"downscale": 3, "upscale": 1}, p=1.0)
    ),
    "elastic": alike(
        torchvision=lambda v2: v2.ElasticTransform(30.0, 4.0),
        kornia=lambda k: k.RandomElasticTransform((17, 17), (4.0, 4.0), (0.05, 0.05), p=1.0),
        albumentations=lambda a: a.ElasticTransform(30.0, 4.0, p=1.0),
    ),
    "rotate": affine({"degrees": 30}, {"degrees": 30.0}, {"rotate": (-30, 30)}),
    "scale": affine({"scale": (0.75, 1.33)}, {"scale": (0.75, 1.33)}, {"scale": (0.75, 1.33)}),
    "shear": affine({"shear": 17}, {"shear": 17.0}, {"shear": {"x": (-17, 17), "y": (0, 0)}}),
    "translate": affine(
        {"translate": (0.1, 0.1)}, {"translate": (0.1, 0.1)}, {"translate_percent": (-0.1, 0.1)}
    ),
    "perspective": alike(
        torchvision=lambda v2: v2.RandomPerspective(0.25, p=1.0),
        kornia=lambda k: k.RandomPerspective(0.25, p=1.0),
        albumentations=lambda a: a.Perspective((0.02, 0.12), p=1.0),
    ),
    "gauss_noise": alike(
        torchvision=lambda v2: v2.GaussianNoise(0.0, 0.1),
        kornia=lambda k: k.RandomGaussianNoise(0.0, 0.1, p=1.0),
        albumentations=lambda a: a.GaussNoise((0.0, 0.2), p=1.0),
    ),
    "uniform_noise": alike(
        albumentations=lambda a: a.AdditiveNoise(
            "uniform", "per_pixel", {"ranges": [(-0.3, 0.3), (-0.3, 0.3), (-0.3, 0.3)]}, p=1.0
        )
    ),
    "shot_noise": alike(albumentations=lambda a: a.ShotNoise((0.01, 0.25), p=1.0)),
    "speckle_noise": alike(
        albumentations=lambda a: a.MultiplicativeNoise((0.65, 1.35), per_channel=True, elementwise=True, p=1.0)
    ),
    "impulse_noise": alike(
        kornia=lambda k: k.RandomSaltAndPepperNoise((0.01, 0.1), p=1.0),
        albumentations=lambda a: a.SaltAndPepper((0.01, 0.1), p=1.0),
    ),
    "pixel_change": alike(albumentations=lambda a: a.PixelDropout(0.01, drop_value=None, p=1.0)),
    "occlusion": alike(
        torchvision=lambda v2: v2.RandomErasing(1.0, (0.01, 0.09), (1.0, 1.0)),
        kornia=lambda k: k.RandomErasing((0.01, 0.09), (1.0, 1.0), p=1.0),
        albumentations=lambda a: a.CoarseDropout((1, 1), (0.1, 0.3), (0.1, 0.3), p=1.0),
    ),
    "noise_block": alike(
        torchvision=lambda v2: v2.RandomErasing(1.0, (0.01, 0.09), (1.0, 1.0), value="random"),
        albumentations=lambda a: a.CoarseDropout((1, 1), (0.1, 0.3), (0.1, 0.3), fill="random", p=1.0),
    ),
    "grid_mask": alike(albumentations=lambda a: a.GridDropout(0.4, unit_size_range=(5, 12), p=1.0)),
    "fog": alike(albumentations=lambda a: a.RandomFog(0.08, (0.3, 1.0), p=1.0)),
    "glare": alike(albumentations=lambda a: a.RandomSunFlare(src_radius=10, num_flare_circles_range=(1, 2), p=1.0)),
    "rain": alike(
        kornia=lambda k: k.RandomRain((5, 20), (3, 6), (-2, 2), p=1.0),
        albumentations=lambda a: a.RandomRain(blur_value=1, p=1.0),
    ),
    "shadow": alike(
        kornia=lambda k: k.RandomLinearIllumination((0.1, 0.6), (-1.0, -1.0), p=1.0),
        albumentations=lambda a: a.RandomShadow(num_shadows_limit=(1, 1), shadow_intensity_range=(0.1, 0.6), p=1.0),
    ),
    "snow": alike(
        kornia=lambda k: k.RandomSnow((0.1, 0.5), (1.5, 2.5), p=1.0),
        albumentations=lambda a: a.RandomSnow(snow_point_range=(0.1, 0.5), p=1.0),
    ),
    "spatter": alike(albumentations=lambda a: a.Spatter(p=1.0)),
    "jpeg": alike(
        kornia=lambda k: k.RandomJPEG((10.0, 99.0), p=1.0),
        albumentations=lambda a: a.ImageCompression("jpeg", (10, 99), p=1.0),
    ),
    "webp": alike(albumentations=lambda a: a.ImageCompression("webp", (5, 99), p=1.0)),
}  # fmt: skip
"""Ours, without its modality -> library -> how its transform is built. Ranges are ours for 32 x 32 pictures.
torchvision posterises and sharpens every picture alike; its JPEG is one of its compiled parts."""
