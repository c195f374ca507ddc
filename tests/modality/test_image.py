"""Pictures: exact both ways, and guarded against files that mean harm or are merely broken."""

from __future__ import annotations

import contextlib
import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from mlfuzz.errors import BadInputError, ConfigError
from mlfuzz.modality.base import Payload, read_guarded, rebuild
from mlfuzz.modality.image import Image
from mlfuzz.modality.picture import MAX_PIXELS

Pixels = NDArray[np.generic]


def written(pixels: Pixels, kind: str = "PNG", mode: str | None = None, **options: object) -> bytes:
    file = io.BytesIO()
    picture = Pillow.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(file, format=kind, **options)
    return file.getvalue()


def saved(array: Pixels) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header claims that size and whose data hold one line of it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(min(width, 1000) + 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def reason(data: bytes, modality: Image | None = None, suffix: str = ".png") -> str:
    with pytest.raises(BadInputError) as refused:
        (modality or Image()).decode(data, suffix=suffix)
    return refused.value.reason


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def photo(rng: np.random.Generator) -> NDArray[np.uint8]:
    """(40, 56, 3), smooth enough that JPEG keeps it roughly."""
    y, x = np.mgrid[0:40, 0:56]
    return np.stack([x * 4, y * 6, 255 - x * 2 - y * 2], axis=2).astype(np.uint8)


# -- exact both ways -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(28, 28), (1, 1), (3, 5), (17, 3), (2, 300), None])
@pytest.mark.parametrize("grid", ["uint8", "float32"])
def test_a_payload_comes_back_from_its_file(
    rng: np.random.Generator, size: tuple[int, int] | None, channels: int, grid: str
) -> None:
    modality = rebuild({"name": "image", "size": size, "channels": channels, "grid": grid})
    payload: Pixels = rng.integers(0, 256, (channels, *(size or (9, 11)))).astype(np.uint8)
    payload = payload if grid == "uint8" else rng.random(payload.shape, np.float32)
    data = modality.encode(payload)
    back = modality.decode(data, suffix=modality.suffix)
    assert isinstance(back, np.ndarray)
    assert back.dtype == payload.dtype
    assert np.array_equal(back, payload)
    assert modality.encode(back) == data


def test_every_one_of_the_256_levels_comes_back(rng: np.random.Generator) -> None:
    payload = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    assert np.array_equal(Image((16, 16)).decode(Image((16, 16)).encode(payload)), payload)


def test_a_modality_is_rebuilt_from_its_description() -> None:
    modality = Image((20, 30), 3, "float32", (-1.0, 1.0), "crop")
    assert rebuild({"name": "image", **modality.describe()}) == modality
    assert (modality.suffix, modality.levels, modality.ragged) == (".npy", None, False)
    assert (Image().suffix, Image().levels, Image().low, Image().high) == (".png", 255, 0.0, 1.0)


@pytest.mark.parametrize(
    "payload",
    [
        np.zeros((28, 28), np.uint8),
        np.zeros((3, 28, 28), np.uint8),
        np.zeros((1, 28, 28), np.float32),
        np.zeros((1, 0, 28), np.uint8),
        "text",
    ],
)
def test_an_array_of_another_modality_is_not_encoded(payload: Payload) -> None:
    with pytest.raises(BadInputError, match="not a payload"):
        Image((28, 28)).encode(payload)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": (0, 28)}, "size"),
        ({"size": (28,)}, "size"),
        ({"size": (28.5, 28)}, "size"),
        ({"size": (8192, 8192)}, "16 Mi"),
        ({"channels": 4}, "channels"),
        ({"grid": "int8"}, "grid"),
        ({"range": (1.0, 0.0)}, "range"),
        ({"range": (0.0, float("inf"))}, "range"),
        ({"fit": "stretch"}, "fit"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        rebuild({"name": "image", **wrong})


# -- formats, colours, layouts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "BMP", "WEBP"])
def test_lossless_formats_are_read_to_the_bit(photo: NDArray[np.uint8], kind: str) -> None:
    data = written(photo, kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert np.array_equal(Image(channels=3).decode(data), photo.transpose(2, 0, 1))


def test_a_jpeg_is_read_whatever_its_name_says(photo: NDArray[np.uint8]) -> None:
    data = written(photo, "JPEG", quality=95)
    seen = Image(channels=3).decode(data, suffix=".png")
    assert np.abs(np.asarray(seen).astype(int) - photo.transpose(2, 0, 1)).mean() < 3


def test_the_orientation_tag_is_applied(photo: NDArray[np.uint8]) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # stored lying on its left side
    upright = np.asarray(Image(channels=3).decode(written(photo, "PNG", exif=exif)))
    assert np.array_equal(upright, np.rot90(photo, -1).transpose(2, 0, 1))


def test_transparency_is_laid_on_white() -> None:
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[:, :, 3] = [0, 128, 255]
    assert np.asarray(Image(channels=1).decode(written(pixels))).tolist() == [[[255, 127, 0]] * 2]
    assert np.asarray(Image(channels=1).decode(saved(pixels))).tolist() == [[[255, 127, 0]] * 2]


def test_a_palette_is_looked_up(photo: NDArray[np.uint8]) -> None:
    data = written(photo, mode="P")
    with Pillow.open(io.BytesIO(data)) as picture:
        expected = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
    assert np.array_equal(Image(channels=3).decode(data), expected)


def test_a_transparent_palette_entry_is_laid_on_white() -> None:
    picture = Pillow.fromarray(np.array([[0, 1]], np.uint8), mode=None).convert("P")
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putdata([0, 1])
    file = io.BytesIO()
    picture.save(file, format="PNG", transparency=0)
    assert np.asarray(Image(channels=3).decode(file.getvalue())).tolist() == [[[255, 40]], [[255, 50]], [[255, 60]]]


def test_sixteen_bits_are_brought_to_the_grid() -> None:
    pixels = np.array([[0, 257, 32896, 65535]], np.uint16)
    assert np.asarray(Image().decode(written(pixels))).tolist() == [[[0, 1, 128, 255]]]
    fine = np.asarray(Image(grid="float32").decode(written(pixels)))
    assert np.allclose(fine, pixels / 65535, atol=1e-7)
    assert np.array_equal(fine, Image(grid="float32").decode(saved(pixels)))


def test_grey_and_colour_are_brought_to_the_declared_channels(photo: NDArray[np.uint8]) -> None:
    grey = np.asarray(Image(channels=1).decode(written(photo)))
    assert np.array_equal(grey[0], np.asarray(Pillow.fromarray(photo).convert("L")))
    colour = np.asarray(Image(channels=3).decode(written(photo[..., 0])))
    assert np.array_equal(colour, np.stack([photo[..., 0]] * 3))


def test_black_and_white_bits_are_read(rng: np.random.Generator) -> None:
    bits = rng.random((9, 13)) < 0.5
    assert np.array_equal(Image().decode(written(bits)), bits[None] * np.uint8(255))
    assert np.array_equal(Image().decode(saved(bits)), bits[None] * np.uint8(255))


def test_an_array_is_read_in_each_of_its_layouts(photo: NDArray[np.uint8]) -> None:
    planes = photo.transpose(2, 0, 1)
    for array in (photo, planes, np.asfortranarray(photo)):
        assert np.array_equal(Image(channels=3).decode(saved(array)), planes)
    assert np.array_equal(Image().decode(saved(photo[..., 0])), planes[:1])


def test_the_declared_size_decides_between_two_readings(rng: np.random.Generator) -> None:
    array = rng.integers(0, 256, (3, 5, 3)).astype(np.uint8)
    assert np.array_equal(Image((3, 5), 3).decode(saved(array)), array.transpose(2, 0, 1))
    assert np.array_equal(Image((5, 3), 3).decode(saved(array)), array)
    assert np.array_equal(Image(channels=3).decode(saved(array)), array)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_in_the_unit_range_are_read(kind: type[np.floating]) -> None:
    array = np.array([[0, 0.5, 1]], kind)
    assert np.asarray(Image().decode(saved(array))).tolist() == [[[0, 128, 255]]]
    assert np.asarray(Image(grid="float32").decode(saved(array))).tolist() == [[[0, 0.5, 1]]]


# -- another size ----------------------------------------------------------------------------------------------------


def test_another_size_is_resized_cropped_or_refused(photo: NDArray[np.uint8]) -> None:
    data = written(photo)
    resized = np.asarray(Image((20, 28), 3, fit="resize").decode(data))
    assert resized.shape == (3, 20, 28)
    assert abs(resized.mean() - photo.mean()) < 2
    cropped = np.asarray(Image((20, 28), 3, fit="crop").decode(data))
    assert np.array_equal(cropped, photo[10:30, 14:42].transpose(2, 0, 1))
    assert reason(data, Image((20, 28), 3, fit="refuse")) == "another size"


def test_a_smaller_picture_is_cropped_into_black(photo: NDArray[np.uint8]) -> None:
    seen = np.asarray(Image((44, 20), 3, fit="crop").decode(written(photo)))
    assert np.array_equal(seen[:, 2:42], photo[:, 18:38].transpose(2, 0, 1))
    assert not seen[:, :2].any()
    assert not seen[:, 42:].any()


def test_floats_are_resized_within_their_range(rng: np.random.Generator) -> None:
    seen = np.asarray(Image((9, 9), grid="float32").decode(saved(rng.random((20, 31), np.float32))))
    assert seen.dtype == np.float32
    assert 0 <= seen.min() < seen.max() <= 1


# -- files that are broken or mean harm ------------------------------------------------------------------------------


def test_a_header_that_claims_400_megapixels_costs_neither_time_nor_memory() -> None:
    tracemalloc.start()
    for data in (png_of_size(20_000, 20_000), png_of_size(11_586, 11_586), png_of_size(2**31 - 1, 2**31 - 1)):
        assert reason(data) == "more than 128 Mi pixels"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_an_array_that_claims_to_be_large_is_refused_by_its_header() -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 20, 1 << 20)})
    assert reason(header.getvalue()) == "more than 16 Mi pixels"
    assert MAX_PIXELS == 1 << 24


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_a_truncated_picture_is_refused_or_whole(rng: np.random.Generator, kind: str) -> None:
    noise = rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)
    data = written(noise, kind)
    for tenth in range(10):
        cut = data[: len(data) * tenth // 10]
        assert reason(cut) in {"empty file", "no picture of a known format", "damaged picture"}
    assert np.asarray(Image(channels=3).decode(data)).shape == (3, 32, 32)


def test_a_truncated_array_is_refused(rng: np.random.Generator) -> None:
    data = saved(rng.random((8, 8), np.float32))
    for tenth in range(1, 10):
        assert reason(data[: len(data) * tenth // 10]) in {"damaged array", "no picture of a known format"}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "npy"])
def test_flipped_bytes_are_refused_or_give_a_picture_of_the_shape(
    rng: np.random.Generator, photo: NDArray[np.uint8], kind: str
) -> None:
    whole = saved(photo) if kind == "npy" else written(photo, kind)
    for _ in range(60):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), 3):
            data[at] = rng.integers(0, 256)
        try:
            seen = np.asarray(Image((28, 28)).decode(bytes(data)))
        except BadInputError:
            continue
        assert seen.shape == (1, 28, 28)
        assert seen.dtype == np.uint8


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("a pickle ran",)


def bad_files(photo: NDArray[np.uint8]) -> dict[str, tuple[bytes, str]]:
    """Name -> content and the reason it is refused for."""
    crc = bytearray(written(photo))
    crc[40] ^= 0xFF
    gif = written(photo, "GIF", mode="P")
    pickled = io.BytesIO()
    np.save(pickled, np.array([Bomb()], object), allow_pickle=True)
    return {
        "nothing.png": (b"", "empty file"),
        "one-byte.png": (b"\x00", "no picture of a known format"),
        "zeros.png": (bytes(4096), "no picture of a known format"),
        "words.jpg": (b"This is no picture.\n" * 20, "no picture of a known format"),
        "gif-cut.png": (gif[:20], "damaged picture"),
        "tiff-cut.jpg": (written(photo, "TIFF")[:20], "damaged picture"),
        "tga-disguised.bmp": (written(photo, "TGA"), "no picture of a known format"),
        "signature-alone.png": (b"\x89PNG\r\n\x1a\n", "damaged picture"),
        "magic-alone.npy": (b"\x93NUMPY", "damaged array"),
        "magic-and-noise.npy": (b"\x93NUMPY\x01\x00\xff\xff" + bytes(100), "damaged array"),
        "bad-checksum.png": (bytes(crc), "damaged picture"),
        "bomb.png": (png_of_size(20_000, 20_000), "more than 128 Mi pixels"),
        "short-data.png": (png_of_size(3000, 3000), "damaged picture"),
        "zero-wide.png": (png_of_size(0, 10), "damaged picture"),
        "pickle.npy": (pickled.getvalue(), "array of another type"),
        "complex.npy": (saved(np.zeros((4, 4), complex)), "array of another type"),
        "int64.npy": (saved(np.zeros((4, 4), np.int64)), "array of another type"),
        "record.npy": (saved(np.zeros((4, 4), [("a", "u1")])), "array of another type"),
        "scalar.npy": (saved(np.zeros((), np.uint8)), "array of another shape"),
        "video.npy": (saved(np.zeros((2, 4, 4, 3), np.uint8)), "array of another shape"),
        "two-channels.npy": (saved(np.zeros((5, 5, 2), np.uint8)), "array of another shape"),
        "no-rows.npy": (saved(np.zeros((0, 4), np.uint8)), "array of another shape"),
        "nan.npy": (saved(np.full((4, 4), np.nan)), "not finite"),
        "infinite.npy": (saved(np.full((4, 4), np.inf)), "not finite"),
        "hundreds.npy": (saved(np.full((4, 4), 255.0)), "outside [0, 1]"),
        "negative.npy": (saved(np.full((4, 4), -0.5)), "outside [0, 1]"),
        "huge-double.npy": (saved(np.full((4, 4), 1e300)), "outside [0, 1]"),
        "version-9.npy": (b"\x93NUMPY\x09\x00" + bytes(100), "array of an unknown version"),
    }


def test_each_file_of_a_bad_folder_is_refused_for_its_own_reason(
    tmp_path: Path, photo: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    expected = bad_files(photo)
    for name, (content, _) in expected.items():
        (tmp_path / name).write_bytes(content)
    seen = {}
    for path in sorted(tmp_path.iterdir()):
        try:
            Image((28, 28)).decode(read_guarded(path), suffix=path.suffix)
        except BadInputError as refused:
            seen[path.name] = refused.reason
    assert seen == {name: why for name, (_, why) in expected.items()}
    assert "a pickle ran" not in capsys.readouterr().out


def test_a_bad_orientation_tag_does_not_end_the_process(photo: NDArray[np.uint8]) -> None:
    data = written(photo, "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff" + bytes(8))
    with contextlib.suppress(BadInputError):
        assert np.asarray(Image(channels=3).decode(data)).shape == (3, 40, 56)
