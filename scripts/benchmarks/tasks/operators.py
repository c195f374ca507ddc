"""Operators with the ranges that the papers used, under names of their own: the shipped ones keep labels better."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from mlfuzz.errors import PluginError
from mlfuzz.mutators.base import MUTATORS
from mlfuzz.mutators.param import Integer, LogReal, Param, Real, Seed

FREE = {"per_kind": 1e9, "total": 1e9, "steps": 1_000_000_000, "sums": {}}
"""No ledger: chains as long as the papers let them be."""


def ranged(name: str, like: str, **space: Param) -> str:
    """Register the operator `like` with other ranges, outside the default set; its name."""
    with suppress(PluginError):  # known from an earlier task of this process
        MUTATORS.add(name, replace(MUTATORS.get(like), name=name, space=space, default=False))
    return name


def white_noise(deviation: float, name: str) -> str:
    """TensorFuzz's only operator: normal noise of one deviation, in shares of the full scale.

    Source: Odena et al., TensorFuzz, ICML 2019; the released lib/mutation_functions.py.
    """
    return ranged(name, "image.gauss_noise", sigma=Real(deviation, deviation, neutral=0.0), seed=Seed())


def deephunter() -> list[str]:
    """DeepHunter's eight, on 28 x 28. Source: Xie et al., ISSTA 2019, and the released mutators.py, as meant.

    Its noise was added to 8-bit numbers with a deviation of a third of a level; here the deviation is 0.03.
    """
    shift = Real(-3 / 28, 2 / 28, neutral=0.0)
    return [
        ranged("image.dh_translate", "image.translate", right=shift, down=shift),
        ranged("image.dh_scale", "image.scale", factor=LogReal(0.7, 1.1, neutral=1.0)),
        ranged("image.dh_shear", "image.shear", slope=Real(-0.6, 0.5, neutral=0.0)),
        ranged("image.dh_rotate", "image.rotate", degrees=Real(-50.0, 49.0, neutral=0.0)),
        ranged("image.dh_contrast", "image.contrast_gain", gain=LogReal(0.5, 1.2, neutral=1.0)),
        ranged("image.dh_brightness", "image.brightness", amount=Real(-20 / 255, 19 / 255, neutral=0.0)),
        ranged("image.dh_blur", "image.blur_gauss", deviation=Real(0.0, 0.02, neutral=0.0)),
        ranged("image.dh_pixels", "image.pixel_change", count=Integer(1, 9, neutral=0), seed=Seed()),
        white_noise(0.03, "image.dh_noise"),
    ]


def deeptest() -> list[str]:
    """DeepTest's seven with its guided search's ranges, and the fog and rain that it names but never released.

    Source: Tian et al., ICSE 2018; the released guided/ scripts. Shifts in shares of its frames of 320 x 240.
    """
    shift = Real(-50 / 320, 49 / 320, neutral=0.0)
    return [
        ranged("image.dt_translate", "image.translate", right=shift, down=shift),
        ranged("image.dt_scale", "image.scale", factor=LogReal(0.5, 1.9, neutral=1.0)),
        ranged("image.dt_shear", "image.shear", slope=Real(-0.5, 0.4, neutral=0.0)),
        ranged("image.dt_rotate", "image.rotate", degrees=Real(-30.0, 29.0, neutral=0.0)),
        ranged("image.dt_contrast", "image.contrast_gain", gain=LogReal(0.1, 1.9, neutral=1.0)),
        ranged("image.dt_brightness", "image.brightness", amount=Real(-21 / 255, 20 / 255, neutral=0.0)),
        "image.blur_mean", "image.blur_gauss", "image.blur_median", "image.blur_bilateral", "image.fog", "image.rain",
    ]  # fmt: skip
