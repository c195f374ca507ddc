"""Pictures in the formats that services are handed, a few pixels each."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

Files = dict[str, bytes]


def image_pillow() -> Files:
    from PIL import Image

    y, x = np.mgrid[:12, :16]
    colours = Image.fromarray(np.stack([x * 16, y * 20, 255 - x * 8], axis=2).astype(np.uint8))
    grey = colours.convert("L")
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: turn by 90 degrees

    def file(picture: Image.Image, kind: str, **options: Any) -> bytes:
        made = io.BytesIO()
        picture.save(made, kind, **options)
        return made.getvalue()

    return {
        "colours.png": file(colours, "PNG"),
        "palette.png": file(colours.quantize(8), "PNG"),
        "grey16.png": file(Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), "PNG"),
        "turned.jpg": file(colours, "JPEG", exif=turned, quality=50),
        "grey-progressive.jpg": file(grey, "JPEG", progressive=True, quality=50),
        "animated.gif": file(grey, "GIF", save_all=True, append_images=[grey.rotate(90)]),
        "lossless.webp": file(colours, "WEBP", lossless=True),
        "packed.tiff": file(grey, "TIFF", compression="packbits"),
        "deflated.tiff": file(colours, "TIFF", compression="tiff_adobe_deflate"),
        "palette.bmp": file(colours.quantize(8), "BMP"),
        "grey.pgm": file(grey, "PPM"),
        "packed.tga": file(colours, "TGA", compression="tga_rle"),
        "grey.pcx": file(grey, "PCX"),
        "raw.sgi": file(grey, "SGI"),
        "dxt1.dds": file(colours, "DDS", pixel_format="DXT1"),
        "palette.blp": file(colours.quantize(8), "BLP"),
        "colours.jp2": file(colours, "JPEG2000"),
        "colours.qoi": file(colours, "QOI"),
        "icon.ico": file(colours.resize((16, 16)), "ICO", sizes=[(16, 16)]),
    }
