#!/usr/bin/env python3
"""A picture -> Pillow: decode, upright by EXIF, resize, tensor: the first thing that an image service does.

Documented (reference of PIL.Image.open and PIL.Image): UnidentifiedImageError and OSError for what cannot be opened or
is cut short (ImageFile.LOAD_TRUNCATED_IMAGES), DecompressionBombError above a limit of pixels, EOFError for a frame
that is not there, ValueError for arguments.
"""

import contextlib
import importlib
import io
import sys
import warnings

HARNESS = {
    "name": "image_pillow",
    "about": "a picture -> Pillow -> upright -> resized -> tensor",
    "instrument": ["PIL"],
    "preload": [
        "PIL.Image", "PIL.ImageOps", "PIL.ExifTags", "PIL.BlpImagePlugin", "PIL.BmpImagePlugin", "PIL.CurImagePlugin",
        "PIL.DcxImagePlugin", "PIL.DdsImagePlugin", "PIL.FitsImagePlugin", "PIL.FliImagePlugin",
        "PIL.FtexImagePlugin", "PIL.GbrImagePlugin", "PIL.GifImagePlugin", "PIL.IcnsImagePlugin",
        "PIL.IcoImagePlugin", "PIL.ImImagePlugin", "PIL.ImtImagePlugin", "PIL.IptcImagePlugin", "PIL.JpegImagePlugin",
        "PIL.Jpeg2KImagePlugin", "PIL.McIdasImagePlugin", "PIL.MpegImagePlugin", "PIL.MpoImagePlugin",
        "PIL.MspImagePlugin", "PIL.PalmImagePlugin", "PIL.PcdImagePlugin", "PIL.PcxImagePlugin",
        "PIL.PixarImagePlugin", "PIL.PngImagePlugin", "PIL.PpmImagePlugin", "PIL.PsdImagePlugin",
        "PIL.QoiImagePlugin", "PIL.SgiImagePlugin", "PIL.SpiderImagePlugin", "PIL.SunImagePlugin",
        "PIL.TgaImagePlugin", "PIL.TiffImagePlugin", "PIL.WebPImagePlugin", "PIL.XbmImagePlugin",
        "PIL.XpmImagePlugin", "PIL.XVThumbImagePlugin",
    ],
    "seeds": "corpus/seeds/code/image_pillow",
    "dictionary": "corpus/seeds/code/image_pillow.dict",
    "allowed": ["PIL.UnidentifiedImageError", "OSError", "PIL.Image.DecompressionBombError", "EOFError", "ValueError"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 4096,
    "mutator": "png",
}  # fmt: skip

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

import numpy
from PIL import Image, ImageOps

warnings.simplefilter("ignore")
for module in HARNESS["preload"]:
    importlib.import_module(module)
FORMATS = [name for name in Image.ID if name != "EPS"]
"""Those of the modules above; EPS would start Ghostscript."""
Image.MAX_IMAGE_PIXELS = 1 << 20
SIZE = (32, 32)


def fuzz(data: bytes) -> None:
    with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        pixels = numpy.asarray(upright.convert("RGB").resize(SIZE, Image.Resampling.BILINEAR))
    tensor = pixels.transpose(2, 0, 1).astype(numpy.float32) / 255
    assert tensor.shape == (3, *SIZE), f"shape {tensor.shape}"
    assert not ((tensor < 0) | (tensor > 1)).any(), "values outside [0, 1]"


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(OSError, Image.DecompressionBombError, EOFError, ValueError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
