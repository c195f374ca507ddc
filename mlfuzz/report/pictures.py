"""The exhibit of images: before, after, and their difference made visible. The report's only door to Pillow."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import BadInputError
from mlfuzz.findings.finding import Finding
from mlfuzz.modality.base import Modality, rebuild
from mlfuzz.report.exhibits import Exhibit

LARGEST_GAIN = 64
LONGEST_SIDE = 512
"""Larger pictures are shown smaller: a report is looked at, the file itself is beside it."""

CRISP_BELOW = 160
"""Pictures with shorter sides are enlarged with hard pixels; larger ones smoothly."""


def show(finding: Finding, data: bytes, seed: bytes | None) -> Mapping[str, Any]:
    """Data URIs of before, after and difference, with the factor the difference was raised by."""
    modality = rebuild(dict(finding.modality))
    after = _pixels(modality, data, finding.input.file)
    before = _pixels(modality, seed, finding.seed.file if finding.seed else "") if seed is not None else None
    difference, gain, changed = None, 1, None
    if before is not None and before.shape == after.shape:
        difference, gain = amplified(before, after)
        changed = float(np.abs(after.astype(np.int16) - before).max(axis=2).astype(bool).mean())
    return {
        "before": uri_of(before),
        "after": uri_of(after),
        "difference": uri_of(difference),
        "gain": gain,
        "changed": changed,
        "width": after.shape[1],
        "height": after.shape[0],
        "crisp": max(after.shape[:2]) < CRISP_BELOW,
    }


def amplified(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """|after - before| (H, W, C), raised by a power of two so that the largest change is well visible."""
    gap = np.abs(after.astype(np.int16) - before.astype(np.int16))
    most = int(gap.max(initial=0))
    gain = 1
    while most and gain < LARGEST_GAIN and most * gain * 2 <= 255:
        gain *= 2
    return (gap * gain).clip(0, 255).astype(np.uint8), gain


def _pixels(modality: Modality, data: bytes, name: str) -> NDArray[np.uint8]:
    payload = np.asarray(modality.decode(data, suffix=name[name.rfind(".") :] if "." in name else ""))
    if payload.ndim != 3 or payload.shape[0] not in (1, 3):
        raise BadInputError("not a picture", f"shape {payload.shape}")
    if payload.dtype != np.uint8:
        payload = np.rint(np.nan_to_num(payload.astype(np.float32)).clip(0, 1) * 255).astype(np.uint8)
    return payload.transpose(1, 2, 0)


def uri_of(pixels: NDArray[np.uint8] | None) -> str:
    """A PNG (H, W, 1 or 3) of our own making: nothing of the input's file gets into the page."""
    if pixels is None:
        return ""
    from PIL import Image as Pillow

    picture = Pillow.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
    if max(picture.size) > LONGEST_SIDE:
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


EXHIBIT = Exhibit("image.html", show)
