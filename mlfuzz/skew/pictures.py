"""One picture as several files: (what is written, the same as a plain RGB PNG)."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.modality.picture import read_picture

LARGEST = 96
"""Pixels in height and width that are looked at: the corner of a larger picture."""

Pixels = NDArray[np.uint8]
Pair = tuple[bytes, bytes]

ORIENTATION = 0x0112
"""The EXIF tag (Exif 2.32, table 4)."""


def content(data: bytes) -> Pixels:
    """(H, W, 3). Raises BadInputError for what is no picture."""
    found = read_picture(data, None)
    if found.dtype != np.uint8:
        found = np.rint(found.astype(np.float32) * 255).astype(np.uint8)
    corner = np.repeat(found, 3, axis=2) if found.shape[2] == 1 else found
    return np.ascontiguousarray(corner[:LARGEST, :LARGEST])


def turn(pixels: Pixels) -> int:
    """A number of the content: which checks are its own."""
    height, width = pixels.shape[:2]
    return int(height + width + pixels[height // 2, width // 2].sum())


def plain(pixels: Pixels) -> bytes:
    """An RGB PNG."""
    return _saved(_picture(pixels), "PNG")


def _picture(pixels: Pixels) -> Any:
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(pixels))


def _saved(picture: Any, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **({"compress_level": 1} if kind == "PNG" else {}), **options)
    return file.getvalue()


def bmp(pixels: Pixels) -> Pair:
    return _saved(_picture(pixels), "BMP"), plain(pixels)


def tiff(pixels: Pixels) -> Pair:
    return _saved(_picture(pixels), "TIFF"), plain(pixels)


def webp(pixels: Pixels) -> Pair:
    return _saved(_picture(pixels), "WEBP", lossless=True), plain(pixels)


def ppm(pixels: Pixels) -> Pair:
    return _saved(_picture(pixels), "PPM"), plain(pixels)


def palette(pixels: Pixels) -> Pair:
    """Of as many colours as a palette holds: 4 levels of each."""
    few = (pixels // 64 * 85).astype(np.uint8)
    numbered = (few[..., 0] // 85 * 16 + few[..., 1] // 85 * 4 + few[..., 2] // 85).astype(np.uint8)
    # In an order of its own: a number that is taken for a level of grey is then another picture.
    order = np.arange(64)[::-1]
    shades = [(number // 16 * 85, number // 4 % 4 * 85, number % 4 * 85) for number in np.argsort(order)]
    levels = [int(level) for shade in shades for level in shade]
    picture = _picture(order[numbered].astype(np.uint8))
    picture.putpalette(levels)
    return _saved(picture, "PNG"), plain(few)


def grey(pixels: Pixels) -> Pair:
    one = pixels[..., 1]
    return _saved(_picture(one), "PNG"), plain(np.repeat(one[..., None], 3, axis=2))


def rgba(pixels: Pixels) -> Pair:
    """Nothing of it is transparent."""
    whole = np.full((*pixels.shape[:2], 1), 255, np.uint8)
    return _saved(_picture(np.concatenate([pixels, whole], axis=2)), "PNG"), plain(pixels)


def deep(pixels: Pixels) -> Pair:
    """Grey in 16 bits, 257 steps for each of 8 bits."""
    one = pixels[..., 1]
    from PIL import Image

    return _saved(Image.fromarray(one.astype(np.uint16) * 257), "PNG"), plain(np.repeat(one[..., None], 3, axis=2))


def bilevel(pixels: Pixels) -> Pair:
    """One bit a pixel."""
    bits = pixels[..., 1] > 127
    level = np.repeat(bits[..., None], 3, axis=2).astype(np.uint8) * 255
    return _saved(_picture(level).convert("1"), "PNG"), plain(level)


def turned(pixels: Pixels) -> Pair:
    """A JPEG that its EXIF tag turns by a quarter: as a camera that was held upright writes it."""
    from PIL import Image, ImageOps

    exif = Image.Exif()
    exif[ORIENTATION] = 6
    written = _saved(_picture(pixels), "JPEG", quality=95, subsampling=0, exif=exif)
    with Image.open(io.BytesIO(written)) as opened:
        upright = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    return written, plain(upright)


def jpeg(pixels: Pixels) -> Pair:
    """A JPEG, and what Pillow reads of it."""
    from PIL import Image

    written = _saved(_picture(pixels), "JPEG", quality=90)
    with Image.open(io.BytesIO(written)) as opened:
        return written, plain(np.asarray(opened.convert("RGB")))


FORMS: Mapping[str, tuple[str, Callable[[Pixels], Pair]]] = {
    "bmp": ("a BMP of the same pixels", bmp),
    "tiff": ("a TIFF of the same pixels", tiff),
    "ppm": ("a PPM of the same pixels", ppm),
    "webp": ("a lossless WebP of the same pixels", webp),
    "palette": ("a PNG with a palette", palette),
    "grey": ("a grey PNG, beside RGB of equal levels", grey),
    "rgba": ("a PNG with an opaque alpha channel", rgba),
    "deep": ("a grey PNG of 16 bits", deep),
    "bilevel": ("a PNG of one bit a pixel", bilevel),
    "jpeg": ("a JPEG, beside what Pillow reads of it", jpeg),
    "turned": ("a JPEG that EXIF turns, beside the upright picture", turned),
}


def natural() -> dict[str, bytes]:
    """Small pictures to begin with; the first is none, which no mistake shows on."""
    fine = (np.indices((256, 320)).sum(0) // 3 % 2 * 255).astype(np.uint8)
    ramp = np.arange(16 * 12 * 3, dtype=np.int64).reshape(12, 16, 3)
    return {
        "nothing.png": b"?",
        "black.png": plain(np.zeros((4, 4, 3), np.uint8)),
        "ramp.png": plain((ramp * 7 % 256).astype(np.uint8)),
        "checks.png": plain(np.repeat((np.indices((24, 20)).sum(0) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)),
        # Larger than what models take, and finer than what is left: scaling down without a filter shows on it.
        "fine.png": plain(np.repeat(fine[..., None], 3, axis=2)),
        "ramp.jpg": jpeg((ramp * 3 % 256).astype(np.uint8))[0],
        "ramp.bmp": bmp((ramp * 5 % 256).astype(np.uint8))[0],
    }


def extremes(height: int, width: int) -> list[bytes]:
    """Between which natural pictures lie."""
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return [plain(np.full((height, width, 3), level, np.uint8)) for level in (0, 255)] + [plain(noise)]
