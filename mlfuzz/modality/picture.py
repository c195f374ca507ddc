"""Guarded reading of pictures and .npy arrays: hostile bytes give a BadInputError, nothing else, and little memory."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import BadInputError

if TYPE_CHECKING:
    from PIL import Image as Pillow

# Pillow is imported where it is used: it costs 50 ms that listing names and findings need not pay.

MAX_PIXELS = 16 << 20
"""No picture has more pixels (16 Mi, about 4096 x 4096): the header is judged before anything is unpacked."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
"""What is read, told by content and never by name. Of an animated file the first frame."""

SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"BM")
"""What such files begin with: one that does and still is not recognised is damaged."""


NUMBERED = "save class numbers: Image.fromarray(classes.astype('uint8')).save(FILE)"
"""What to do about a mask of anything else."""


def read_picture(data: bytes) -> NDArray[np.generic]:
    """Bytes of a picture -> (H, W, 1 or 3): uint8, or float32 in [0, 1] where its levels are finer.

    Upright by its EXIF tag, on white where it is transparent. Raises BadInputError.
    """
    with _decoding("picture"):
        from PIL import Image as Pillow
        from PIL import ImageOps, UnidentifiedImageError

        warnings.simplefilter("error", Pillow.DecompressionBombWarning)
        try:
            picture = Pillow.open(io.BytesIO(data), formats=FORMATS)
        except (Pillow.DecompressionBombWarning, Pillow.DecompressionBombError) as error:
            raise BadInputError("more than 16 Mi pixels", str(error)) from error
        except UnidentifiedImageError as error:
            if data.startswith(SIGNATURES):
                raise BadInputError("damaged picture", str(error)) from error
            raise BadInputError("no picture of a known format", f"read are {', '.join(FORMATS)} and .npy") from error
        with picture:
            _refuse_large(picture.size)
            picture.load()
            return _levels(ImageOps.exif_transpose(picture))


def read_numbers(data: bytes) -> NDArray[np.integer[Any]]:
    """Bytes of a mask -> (H, W) numbers as they are stored: of a palette its places, of an .npy file whole numbers.

    Raises BadInputError, also for colours, which are no numbers.
    """
    with _decoding("mask"):
        if data.startswith(b"\x93NUMPY"):
            numbers = np.load(io.BytesIO(data), allow_pickle=False)
            numbers = numbers[0] if numbers.ndim == 3 and len(numbers) == 1 else numbers
            if numbers.ndim != 2 or (numbers.astype(np.int64) != numbers).any() or numbers.min(initial=0) < 0:
                raise BadInputError("mask of no class numbers", f"{numbers.dtype} {numbers.shape}", remedy=NUMBERED)
            return np.asarray(numbers.astype(np.int64))
        from PIL import Image as Pillow

        with Pillow.open(io.BytesIO(data)) as picture:
            _refuse_large(picture.size)
            picture.load()
            if picture.mode not in ("P", "L", "1", "I", "I;16"):
                raise BadInputError("mask of colours", f"mode {picture.mode}", remedy=NUMBERED)
            return np.asarray(np.asarray(picture).astype(np.int64))


def _levels(picture: Pillow.Image) -> NDArray[np.generic]:
    """(H, W, 1 or 3) of a loaded picture: uint8, or float32 where its levels are finer."""
    if picture.mode.startswith("I"):
        return (np.asarray(picture).astype(np.float32)[..., None] / 65535).clip(0, 1)
    if picture.mode == "F":
        return _finite(np.asarray(picture)[..., None])
    if picture.has_transparency_data:
        return _on_white(np.asarray(picture.convert("RGBA")))
    grey = picture.mode in ("1", "L")
    pixels = np.asarray(picture.convert("L" if grey else "RGB"))
    return pixels[..., None] if grey else pixels


def read_array(data: bytes, size: tuple[int, int] | None) -> NDArray[np.generic]:
    """Bytes of an .npy file -> (H, W, 1 or 3): uint8, or float32 in [0, 1].

    size: the declared one, which decides where a shape can be read in two ways.
    The header is judged before any value is read, and no pickle is. Raises BadInputError.
    """
    with _decoding("array"):
        file = io.BytesIO(data)
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise BadInputError("array of an unknown version", str(version))
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read(file)
        if kind.hasobject or kind.kind not in "buf" or (kind.kind == "u" and kind.itemsize > 2):
            raise BadInputError("array of another type", f"{kind}: bool, uint8, uint16 or floats in [0, 1] are read")
        layout = _layout(shape, size)
        height, width = (shape[axis] for axis in layout[:2])
        _refuse_large((width, height))
        file.seek(0)
        pixels: NDArray[np.generic] = np.load(file, allow_pickle=False)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels.transpose(layout)
    if kind.kind == "b":
        return np.where(pixels, np.uint8(255), np.uint8(0))
    if kind.kind == "u":
        pixels = pixels if kind.itemsize == 1 else (pixels.astype(np.float32) / 65535)
    else:
        pixels = _finite(pixels)
    return _on_white(pixels) if pixels.shape[2] == 4 else pixels


def _layout(shape: tuple[int, ...], size: tuple[int, int] | None) -> tuple[int, ...]:
    """The axes of height, width and channels."""
    if len(shape) == 2 and all(shape):
        return (0, 1)
    layouts = [(1, 2, 0), (0, 1, 2)] if len(shape) == 3 and all(shape) else []
    layouts = [axes for axes in layouts if shape[axes[2]] in (1, 3, 4)]
    # Four planes of a narrow picture are rarer than a picture 4 pixels high with its colours last.
    layouts.sort(key=lambda axes: (shape[axes[0]], shape[axes[1]]) != size)
    if not layouts:
        raise BadInputError("array of another shape", f"{shape}: H x W, H x W x C or C x H x W are read")
    return layouts[0]


@contextmanager
def _decoding(what: str) -> Iterator[None]:
    """Whatever a decoder raises on hostile bytes becomes a BadInputError; its warnings are not the caller's."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except BadInputError:
        raise
    except MemoryError as error:
        raise BadInputError(f"{what} too large for the memory") from error
    except Exception as error:  # decoders raise a dozen types, and more with each release
        raise BadInputError(f"damaged {what}", f"{type(error).__name__}: {error}") from error


def _refuse_large(size: tuple[int, int]) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise BadInputError("more than 16 Mi pixels", f"{size[0]} x {size[1]}")


def _finite(pixels: NDArray[np.generic]) -> NDArray[np.float32]:
    if not np.isfinite(pixels.astype(np.float64)).all():
        raise BadInputError("not finite", "the array holds NaN or infinity")
    low, high = float(pixels.min()), float(pixels.max())
    if low < 0 or high > 1:
        raise BadInputError("outside [0, 1]", f"floats from {low:g} to {high:g}; scale them first")
    return pixels.astype(np.float32)


def _on_white(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    """(H, W, 4) -> (H, W, 3): white, since what is drawn with transparency is nearly always drawn for a page."""
    if pixels.dtype == np.uint8:
        wide = pixels.astype(np.uint16)  # 255 * 255 + 127 still fits
        alpha = wide[..., 3:]
        return ((wide[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    values = pixels.astype(np.float32)
    return values[..., :3] * values[..., 3:] + (1 - values[..., 3:])
