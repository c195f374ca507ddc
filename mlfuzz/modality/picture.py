"""Guarded reading of pictures and .npy arrays: hostile bytes give a BadInputError, nothing else, and little memory."""

from __future__ import annotations

import importlib
import io
import math
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
"""No picture has more pixels (16 Mi, about 4096 x 4096) once it is read: the header is judged before that."""

MAX_DECODED = 128 << 20
"""Pixels that are unpacked for it: cameras have up to 108 megapixels, and a JPEG is unpacked at an eighth of that."""

FINER = 2
"""A larger picture is reduced while it stays so many times finer than what is asked for: the last step interpolates."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "AVIF")
"""What is read, told by content and never by name. Of an animated file the first frame, of several pages the first."""

SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"BM", b"GIF8", b"II*\0", b"MM\0*")
"""What such files begin with: one that does and still is not recognised is damaged."""

HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
"""Brands of the files of telephones, behind "ftyp" (ISO/IEC 23008-12): read where whoever runs this has a decoder."""

NUMBERED = "save class numbers: Image.fromarray(classes.astype('uint8')).save(FILE)"
"""What to do about a mask of anything else."""

HEIC_DECODER = "pillow_heif"
BRANDS = 64
"""Bytes at the start of such a file that name what it can be read as besides."""

TURNED = (5, 6, 7, 8)
"""Values of the EXIF tag for which height and width change places."""
ORIENTATION = 0x0112


def read_picture(data: bytes, wanted: tuple[int, int] | None = None, *, cut: bool = False) -> NDArray[np.generic]:
    """Bytes of a picture -> (H, W, 1 or 3): uint8, or float32 in [0, 1] where its levels are finer.

    Upright by its EXIF tag, on white where it is transparent. One of more than 16 Mi pixels is reduced by a whole
    number, to no less than twice the height and width `wanted`; or, with `cut`, only that much of its middle is read.
    Raises BadInputError.
    """
    with _decoding("picture"):
        from PIL import ImageOps

        with _opened(data) as picture:
            large = picture.size[0] * picture.size[1] > MAX_PIXELS
            if large and not cut:
                _draft(picture, wanted)
            _refuse_large(picture.size, MAX_DECODED)
            picture.load()
            if large:
                picture = _middle(picture, wanted) if cut and wanted else _reduced(picture, wanted)
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


def picture_size(data: bytes) -> tuple[int, int]:
    """Height and width of a picture as it stands upright, by its header. Raises BadInputError."""
    with _decoding("picture"), _opened(data) as picture:
        width, height = picture.size
        return (width, height) if picture.getexif().get(ORIENTATION) in TURNED else (height, width)


def _opened(data: bytes) -> Pillow.Image:
    """Its header is read. Raises BadInputError."""
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    try:
        return Pillow.open(io.BytesIO(data), formats=_formats(data))
    except Pillow.DecompressionBombError as error:
        raise BadInputError(f"more than {MAX_DECODED >> 20} Mi pixels", str(error)) from error
    except UnidentifiedImageError as error:
        if data.startswith(SIGNATURES):
            raise BadInputError("damaged picture", str(error)) from error
        raise BadInputError("no picture of a known format", f"read are {', '.join(FORMATS)} and .npy") from error


def _formats(data: bytes) -> tuple[str, ...]:
    if data[4:8] != b"ftyp" or data[8:12] not in HEIC:
        return FORMATS
    try:
        importlib.import_module(HEIC_DECODER).register_heif_opener()
    except ImportError as error:
        if b"avif" in data[8:BRANDS]:
            return FORMATS
        raise BadInputError("HEIC picture", remedy="pip install pillow-heif, which reads them") from error
    return (*FORMATS, "HEIF")


def _draft(picture: Pillow.Image, wanted: tuple[int, int] | None) -> None:
    """Of a JPEG: have it unpacked at a half, a quarter or an eighth."""
    width, height = picture.size
    scale = _factor(picture.size, wanted)
    if hasattr(picture, "draft"):
        picture.draft(picture.mode, (width // scale, height // scale))


def _reduced(picture: Pillow.Image, wanted: tuple[int, int] | None) -> Pillow.Image:
    factor = _factor(picture.size, wanted)
    if factor < 2:
        return picture
    plain = picture
    if picture.mode in ("1", "P"):
        plain = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    elif picture.mode.startswith("I;"):
        plain = picture.convert("I")
    return _turned_as(plain.reduce(factor), picture)


def _factor(size: tuple[int, int], wanted: tuple[int, int] | None) -> int:
    """By which a picture is reduced: which way it is turned does not matter."""
    if wanted:
        return max(1, min(size) // (FINER * max(wanted)))
    return max(1, math.ceil(math.sqrt(size[0] * size[1] / MAX_PIXELS)))


def _middle(picture: Pillow.Image, wanted: tuple[int, int]) -> Pillow.Image:
    """More than is wanted about the centre, as far off the edges as they are even: the centre stays where it is."""
    side = FINER * max(wanted)
    left, top = (max(0, (length - side) // 2) for length in picture.size)
    return _turned_as(picture.crop((left, top, picture.size[0] - left, picture.size[1] - top)), picture)


def _turned_as(part: Pillow.Image, picture: Pillow.Image) -> Pillow.Image:
    """Pillow leaves the EXIF tag behind."""
    turned = picture.getexif().get(ORIENTATION)
    if turned is not None:
        part.getexif()[ORIENTATION] = turned
    return part


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


def _refuse_large(size: tuple[int, int], most: int = MAX_PIXELS) -> None:
    if size[0] * size[1] > most:
        raise BadInputError(f"more than {most >> 20} Mi pixels", f"{size[0]} x {size[1]}")


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
