"""Real codecs: what JPEG, WebP and resizing do to a picture, by the libraries that do it to everyone's.

Pillow works a picture at a time and on the host: these are the dearest operators, and the plan draws them rarely.
What they give is decided by libjpeg-turbo and libwebp; another release may give other bits, so a finding's stored
picture decides, not its chain. Rows are taken as 8-bit pictures, whatever the grid.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow

from mlfuzz.batch import TensorRows
from mlfuzz.mutators.base import Column, mutator
from mlfuzz.mutators.param import Integer, Real

Picture: TypeAlias = Pillow.Image
Pixels: TypeAlias = NDArray[np.uint8]


@mutator("image.jpeg", kind="codec", cost=256, quality=Integer(10, 99, neutral=100))
def jpeg(rows: TensorRows, *, quality: Column) -> TensorRows:
    """Store and read as JPEG of that `quality`; 100 and above leaves the row as it is.

    Source: ImageNet-C's `jpeg_compression` (Hendrycks & Dietterich, ICLR 2019), qualities 25 to 7.
    """
    return _each_below(rows, quality.tolist(), 100, _jpeg)


@mutator("image.webp", kind="codec", cost=512, quality=Integer(5, 99, neutral=100))
def webp(rows: TensorRows, *, quality: Column) -> TensorRows:
    """Store and read as lossy WebP of that `quality`; 100 and above leaves the row as it is."""
    return _each_below(rows, quality.tolist(), 100, _webp)


@mutator("image.resize", kind="codec", cost=64, scale=Real(0.4, 1.0, neutral=1.0, unit="of the size"))
def resize(rows: TensorRows, *, scale: Column) -> TensorRows:
    """Make the picture smaller and bring it back, with Pillow's filters: what a thumbnail loses."""
    return _each_below(rows, scale.tolist(), 1.0, _thumbnail)


def _each_below(
    rows: TensorRows, values: Sequence[Any], neutral: float, change: Callable[[Picture, Any], Picture]
) -> TensorRows:
    """The rows whose value is below `neutral` changed one by one, the others as they are."""
    chosen = [row for row, value in enumerate(values) if value < neutral]
    if not chosen:
        return rows
    index = torch.tensor(chosen, device=rows.data.device)
    part = rows.data.index_select(0, index).mul_(255).round_().clamp_(0, 255).to(torch.uint8)
    pixels = part.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    changed = np.stack([_changed(one, change, values[row]) for one, row in zip(pixels, chosen, strict=True)])
    back = torch.from_numpy(changed).to(rows.data.device).permute(0, 3, 1, 2).to(torch.float32).div_(255)
    return rows.with_data(rows.data.index_copy(0, index, back))


def _changed(pixels: Pixels, change: Callable[[Picture, Any], Picture], value: float) -> Pixels:
    """One picture (H, W, C); where C is neither 1 nor 3, plane by plane."""
    channels = pixels.shape[2]
    if channels in (1, 3):
        return _through(pixels, change, value)
    planes = [_through(np.ascontiguousarray(pixels[..., at : at + 1]), change, value) for at in range(channels)]
    return np.concatenate(planes, 2)


def _through(pixels: Pixels, change: Callable[[Picture, Any], Picture], value: float) -> Pixels:
    """One picture (H, W, C) of one channel or three, contiguous, as Pillow's and back: by its bytes, for `fromarray`
    and `asarray` ask so much in Python that it takes longer than resizing a small picture."""
    height, width, channels = pixels.shape
    mode = "L" if channels == 1 else "RGB"
    picture = change(Pillow.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1), value)
    return np.frombuffer(picture.tobytes(), np.uint8).reshape(pixels.shape)


def _jpeg(picture: Picture, quality: int) -> Picture:
    """Through JPEG and back.

    The bytes are our own, a moment old: they go to the decoder as they are. `Pillow.open` would look for a stranger's
    headers in Python first, four times as long as it takes to decode a small picture.
    """
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=max(quality, 1))
    return Pillow.frombytes(picture.mode, picture.size, file.getvalue(), "jpeg", picture.mode, "")


def _webp(picture: Picture, quality: int) -> Picture:
    """Through WebP and back, in the mode it came in: WebP knows no grey."""
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=max(quality, 0), method=0)
    file.seek(0)
    back = Pillow.open(file, formats=("WEBP",))
    return back if back.mode == picture.mode else back.convert(picture.mode)


def _thumbnail(picture: Picture, scale: float) -> Picture:
    width, height = (max(1, round(side * max(scale, 0.0))) for side in picture.size)
    return picture.resize((width, height), Pillow.Resampling.BILINEAR).resize(picture.size, Pillow.Resampling.BICUBIC)
