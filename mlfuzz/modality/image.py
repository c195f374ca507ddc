"""Pictures: files of four formats and .npy arrays <-> payloads (C, H, W), 8-bit or float32 in [0, 1]."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import BadInputError, ConfigError
from mlfuzz.modality.base import MODALITIES, Payload
from mlfuzz.modality.parts import ModalityParts, Reading
from mlfuzz.modality.picture import MAX_PIXELS, picture_size, read_array, read_picture

COMPRESS_LEVEL = 1
"""Of the PNGs that are written: 4 times faster than the default level, a few per cent larger."""


MAX_PICTURE_BYTES = 256 << 20
"""Of a file: a camera's 24 megapixels without compression are 72 MiB, and 144 at 16 bits."""


SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".npy", ".tif", ".tiff", ".gif", ".pgm", ".ppm", ".pbm", ".pnm", ".pfm",
    ".avif", ".jfif", ".jpe", ".apng", ".dib", ".heic", ".heif",
)  # fmt: skip


def plain_reading(modality: Image, file: str) -> Reading:
    """With numpy or Pillow alone; `x` in the range that the target is handed."""
    low, high = modality.range
    scale = "" if (low, high) == (0.0, 1.0) else f" * {high - low!r} + {low!r}"
    imports = ("import numpy as np", "from PIL import Image")
    if file.endswith(".npy"):
        return Reading(imports, (f"x = torch.from_numpy(np.load(path))[None]{scale}  # (1, channels, height, width)",))
    lines = (
        "x = np.atleast_3d(np.asarray(Image.open(path), np.float32) / 255).transpose(2, 0, 1).copy()",
        f"x = torch.from_numpy(x)[None]{scale}  # (1, channels, height, width)",
    )
    return Reading(imports, lines)


@dataclass(frozen=True, slots=True)
class Image:
    """Pictures of one shape.

    size: (height, width) in pixels; None takes each as it is. channels: 1 (grey) or 3 (RGB).
    grid: "uint8" keeps every mutant an 8-bit PNG; "float32" keeps it as .npy, for models that see between the levels.
    range: what the target is handed for 0 and 1; the target applies it, payloads stay in [0, 1].
    fit: what happens to a file of another size: "resize" (bilinear), "crop" (about the centre; black is put round a
    smaller one) or "refuse".
    Raises ConfigError for values that make no sense.
    """

    parts: ClassVar = ModalityParts(
        mutators="mlfuzz.mutators.image",
        distance="mlfuzz.mutators.image.limits:DISTANCE",
        exhibit="mlfuzz.report.pictures:EXHIBIT",
        examples="mlfuzz.testing.rows:PICTURES",
        pieces="pixels",
        starter="size=(224, 224), channels=3",
        handed="x: (B, 3, 224, 224), float32 in [0, 1]",
        reading=plain_reading,
        columns=("image", "img", "picture", "pixel_values", "photo"),
        most_bytes=MAX_PICTURE_BYTES,
    )

    size: tuple[int, int] | None = None
    channels: Literal[1, 3] = 1
    grid: Literal["uint8", "float32"] = "uint8"
    range: tuple[float, float] = (0.0, 1.0)
    fit: Literal["resize", "crop", "refuse"] = "resize"

    def __post_init__(self) -> None:
        # Configuration files have lists where Python has tuples.
        object.__setattr__(self, "size", None if self.size is None else _pair("size", self.size, int))
        object.__setattr__(self, "range", _pair("range", self.range, float))
        if self.size is not None and (min(self.size) < 1 or math.prod(self.size) > MAX_PIXELS):
            raise ConfigError(f"image size {self.size}: height and width from 1, at most 16 Mi pixels")
        if self.channels not in (1, 3):
            raise ConfigError(f"image channels are 1 (grey) or 3 (RGB), not {self.channels!r}")
        if self.grid not in ("uint8", "float32"):
            raise ConfigError(f"image grid is 'uint8' or 'float32', not {self.grid!r}")
        if self.fit not in ("resize", "crop", "refuse"):
            raise ConfigError(f"image fit is 'resize', 'crop' or 'refuse', not {self.fit!r}")
        if not (math.isfinite(self.range[0]) and math.isfinite(self.range[1]) and self.range[0] < self.range[1]):
            raise ConfigError(f"image range goes from a lower to a higher number, not {self.range}")

    @property
    def name(self) -> str:
        return "image"

    @property
    def suffix(self) -> str:
        return ".png" if self.grid == "uint8" else ".npy"

    @property
    def reads(self) -> tuple[str, ...]:
        return SUFFIXES

    @property
    def levels(self) -> int | None:
        return 255 if self.grid == "uint8" else None

    @property
    def low(self) -> float:
        return 0.0

    @property
    def high(self) -> float:
        return 1.0

    @property
    def ragged(self) -> bool:
        return False

    def decode(self, data: bytes, *, suffix: str = "") -> Payload:
        """Bytes of a picture -> (C, H, W), uint8 or float32 in [0, 1].

        The content decides on the format; `suffix` is not looked at. Turned upright by its EXIF tag, laid on white
        where it is transparent, 16-bit levels brought to the grid, grey and RGB brought to `channels`.
        .npy arrays are H x W, H x W x C or C x H x W, of bool, uint8, uint16 or floats in [0, 1]; where two readings
        fit, the one of the declared size, else C x H x W.
        Raises BadInputError.
        """
        if not data:
            raise BadInputError("empty file")
        pixels = read_array(data, self.size) if data.startswith(b"\x93NUMPY") else self._picture(data)
        return np.ascontiguousarray(self._fitted(_on_grid(_coloured(pixels, self.channels), self.grid)))

    def _picture(self, data: bytes) -> NDArray[np.generic]:
        if self.size is not None and self.fit == "refuse" and (have := picture_size(data)) != self.size:
            raise self._other_size(have)
        return read_picture(data, self.size, cut=self.fit == "crop")

    def encode(self, payload: Payload) -> bytes:
        """(C, H, W) -> bytes of an 8-bit PNG, or of an .npy file where the grid is float32.

        The same payload gives the same bytes. Raises BadInputError for an array that is none of this modality.
        """
        kind = np.uint8 if self.grid == "uint8" else np.float32
        pixels = self._checked(payload, kind)
        file = io.BytesIO()
        if self.grid == "float32":
            np.save(file, np.ascontiguousarray(pixels), allow_pickle=False)
            return file.getvalue()
        from PIL import Image as Pillow

        picture = Pillow.fromarray(np.ascontiguousarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)))
        picture.save(file, format="PNG", compress_level=COMPRESS_LEVEL)
        return file.getvalue()

    def describe(self) -> dict[str, object]:
        return {
            "size": None if self.size is None else list(self.size),
            "channels": self.channels,
            "grid": self.grid,
            "range": list(self.range),
            "fit": self.fit,
        }

    def _checked(self, payload: Payload, kind: type[np.generic]) -> NDArray[np.generic]:
        if not isinstance(payload, np.ndarray) or payload.dtype != kind:
            raise BadInputError("not a payload of this modality", f"an image's is a {kind.__name__} array (C, H, W)")
        if payload.ndim != 3 or payload.shape[0] != self.channels or 0 in payload.shape:
            raise BadInputError(
                "not a payload of this modality", f"shape {payload.shape} where ({self.channels}, H, W) is due"
            )
        return payload

    def _fitted(self, pixels: NDArray[np.generic]) -> NDArray[np.generic]:
        have = pixels.shape[1:]
        if self.size is None or have == self.size:
            return pixels
        if self.fit == "refuse":
            raise self._other_size((have[0], have[1]))
        return _resized(pixels, self.size) if self.fit == "resize" else _cropped(pixels, self.size)

    def _other_size(self, have: tuple[int, int]) -> BadInputError:
        assert self.size is not None
        due = f"{self.size[0]} x {self.size[1]}"
        return BadInputError("another size", f"{have[0]} x {have[1]} where {due} is due")


MODALITIES.add("image", Image)


def _pair(name: str, values: object, kind: type[int] | type[float]) -> tuple[int, int] | tuple[float, float]:
    if isinstance(values, tuple | list) and len(values) == 2:
        first, second = values
        if all(isinstance(value, int | float) and kind(value) == value for value in values):
            return kind(first), kind(second)
    raise ConfigError(f"image {name} is two {'whole ' if kind is int else ''}numbers, not {values!r}")


def _coloured(pixels: NDArray[np.generic], channels: int) -> NDArray[np.generic]:
    """(H, W, 1 or 3) -> (C, H, W). Grey is ITU-R BT.601 luma, to the bit what Pillow makes of 8-bit pictures."""
    planes = pixels.transpose(2, 0, 1)
    if len(planes) == channels:
        return planes
    if channels == 3:
        return np.repeat(planes, 3, axis=0)
    if planes.dtype == np.uint8:
        wide = planes.astype(np.int32)
        return ((wide[:1] * 19595 + wide[1:2] * 38470 + wide[2:] * 7471 + 0x8000) >> 16).astype(np.uint8)
    fine = planes.astype(np.float32)
    luma: NDArray[np.float32] = np.float32(0.299) * fine[:1] + np.float32(0.587) * fine[1:2]
    return luma + np.float32(0.114) * fine[2:]


def _on_grid(pixels: NDArray[np.generic], grid: str) -> NDArray[np.generic]:
    if grid == "uint8":
        return pixels if pixels.dtype == np.uint8 else np.rint(pixels.astype(np.float32) * 255).astype(np.uint8)
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float32) / np.float32(255)
    return pixels.astype(np.float32).clip(0, 1)


def _resized(pixels: NDArray[np.generic], size: tuple[int, int]) -> NDArray[np.generic]:
    from PIL import Image as Pillow

    height, width = size
    planes = [Pillow.fromarray(np.ascontiguousarray(plane)) for plane in pixels]
    return np.stack([np.asarray(plane.resize((width, height), Pillow.Resampling.BILINEAR)) for plane in planes])


def _cropped(pixels: NDArray[np.generic], size: tuple[int, int]) -> NDArray[np.generic]:
    cut = pixels
    for axis, want in enumerate(size, start=1):
        over = cut.shape[axis] - want
        if over > 0:
            cut = cut.take(np.arange(over // 2, over // 2 + want), axis=axis)
        elif over < 0:
            around = [(0, 0)] * 3
            around[axis] = (-over // 2, -over - (-over // 2))
            cut = np.pad(cut, around)
    return cut
