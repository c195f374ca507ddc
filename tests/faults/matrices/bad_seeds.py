"""Seed files and archives as strangers, cameras, recorders and attackers leave them, one kind a case."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import resource
import socket
import stat
import struct
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from PIL import Image as Pillow

from mlfuzz.corpus.files import LABELS, ROUND
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.corpus.strange import ARCHIVE
from mlfuzz.errors import SeedError
from mlfuzz.modality.audio import Audio
from mlfuzz.modality.base import Modality
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text

PROMISE = "every seed file that is seen is taken, or counted as left out for a reason that is true"

TAKEN = "taken"
SECONDS = 20.0
"""Of processor time, for a folder of a few files: what takes longer hangs."""
MEBIBYTES = 2048
"""Beyond what the process has: several times the largest picture that is read."""

MODALITIES: dict[str, Modality] = {
    "image": Image(size=(8, 8), channels=3),
    "grey": Image(size=None, grid="float32"),
    "audio": Audio(seconds=0.05),
    "text": Text(max_chars=5000),
}
SUFFIX = {"image": ".png", "grey": ".png", "audio": ".wav", "text": ".txt"}


class Case(NamedTuple):
    """outcome: TAKEN, or the reason's beginning. made: puts it into a folder; its name there.

    warned: part of a warning that must be given. alone: whether the file named by itself is judged alike.
    """

    modality: str
    outcome: str
    made: Callable[[Path], str]
    warned: str = ""
    alone: bool = True


def file(modality: str, outcome: str, content: bytes, name: str = "", warned: str = "", alone: bool = True) -> Case:
    """One file of these bytes."""

    def made(folder: Path) -> str:
        path = folder / (name or f"bad{SUFFIX[modality]}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path.relative_to(folder).as_posix()

    return Case(modality, outcome, made, warned, alone)


def picture(mode: str = "RGB", size: tuple[int, int] = (8, 8)) -> Pillow.Image:
    rng = np.random.default_rng(5)
    shape = (size[1], size[0], len(mode)) if mode in ("RGB", "RGBA", "CMYK") else (size[1], size[0])
    if mode == "1":
        return Pillow.fromarray(rng.integers(0, 2, shape, np.uint8) * 255).convert("1")
    if mode == "P":
        return Pillow.fromarray(rng.integers(0, 255, (*shape, 3), np.uint8)).convert("P")
    if mode == "I;16":
        return Pillow.fromarray(rng.integers(0, 65535, shape, np.uint16))
    if mode == "LA":
        return Pillow.fromarray(rng.integers(0, 255, shape, np.uint8)).convert("LA")
    return Pillow.fromarray(rng.integers(0, 255, shape, np.uint8), mode=None if mode != "CMYK" else "CMYK")


def saved(image: Pillow.Image, form: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, format=form, **options)
    return content.getvalue()


def chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def png(width: int, height: int, data: bytes, *, depth: int = 8, colour: int = 2, before: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + before + chunk(b"IDAT", data) + chunk(b"IEND", b"")


PNG = saved(picture(), "PNG")
JPEG = saved(picture(), "JPEG")
WEBP = saved(picture(), "WEBP", lossless=True)
BMP = saved(picture(), "BMP")
HUGE_JPEG = JPEG.replace(struct.pack(">HH", 8, 8), b"\xff\xff\xff\xff", 1)
HUGE_BMP = BMP[:18] + struct.pack("<ii", 65535, 65535) + BMP[26:]
ANIMATED = [picture(), picture().rotate(90), picture().rotate(180)]
EXIF = Pillow.Exif()
EXIF[0x0112] = 6


def array(value: np.ndarray, **options: Any) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array(content, value, **options)
    return content.getvalue()


def headed(header: str, body: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    text = header.encode("latin-1") + b"\n"
    size = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + size + text + body


PIXELS = np.random.default_rng(1).integers(0, 255, (8, 8, 3), np.uint8)


def images() -> dict[str, Case]:
    bomb = zlib.compress(bytes(4 * 4000 * 4000 + 4000), 9)
    cases = {
        "png cut in its signature": file("image", "damaged picture", PNG[:6]),
        "png cut in its header": file("image", "damaged picture", PNG[:20]),
        "png cut after its header": file("image", "damaged picture", PNG[:33]),
        "png cut in its pixels": file("image", "damaged picture", PNG[: len(PNG) // 2]),
        "png of a wrong checksum": file("image", "damaged picture", PNG.replace(b"IDAT", b"IDAU")),
        "png of no pixels": file("image", "damaged picture", png(0, 0, zlib.compress(b""))),
        "png of 65535 x 65535": file("image", "more than 128 Mi pixels", png(65535, 65535, zlib.compress(b"\0" * 99))),
        "png of 2^31 - 1 x 1": file("image", "more than 128 Mi pixels", png(2**31 - 1, 1, zlib.compress(b"\0" * 99))),
        "png of 4000 x 4000 in 64 KiB": file("image", TAKEN, png(4000, 4000, bomb, colour=6)),
        "png that unpacks to more than it says": file("image", TAKEN, png(4, 4, zlib.compress(bytes(10_000_000)))),
        "png with a text that unpacks to 100 MB": file(
            "image",
            "damaged picture",
            png(
                8, 8, zlib.compress(bytes(200)), before=chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(100_000_000), 9))
            ),
        ),
        "png with a broken ICC profile": file(
            "image", TAKEN, PNG[:33] + chunk(b"iCCP", b"icc\0\0" + zlib.compress(b"no profile")) + PNG[33:]
        ),
        "png of 16 bits": file("image", TAKEN, saved(picture("I;16"), "PNG")),
        "png of 1 bit": file("image", TAKEN, saved(picture("1"), "PNG")),
        "png with a palette": file("image", TAKEN, saved(picture("P"), "PNG")),
        "png with a palette that lets through": file("image", TAKEN, saved(picture("P"), "PNG", transparency=3)),
        "png with alpha": file("image", TAKEN, saved(picture("RGBA"), "PNG")),
        "png of grey with alpha": file("grey", TAKEN, saved(picture("LA"), "PNG")),
        "png, interlaced": file(
            "image",
            TAKEN,
            png(1, 1, zlib.compress(b"\0abc")).replace(
                chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
                chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 1)),
            ),
        ),
        "png, animated": file("image", TAKEN, saved(ANIMATED[0], "PNG", save_all=True, append_images=ANIMATED[1:])),
        "png of one pixel": file("image", TAKEN, saved(picture(size=(1, 1)), "PNG")),
        "png of 1 x 60000": file("image", TAKEN, saved(Pillow.new("L", (1, 60000), 7), "PNG")),
        "png followed by a zip": file("image", TAKEN, PNG + zipped({"a": b"b"})),
        "png of zero bytes alone": file("image", "no picture", bytes(4096)),
        "png that is a web page": file("image", "no picture", b"<!DOCTYPE html><html>404 Not Found</html>"),
        "png that is a Git LFS pointer": file(
            "image",
            "no picture",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n",
        ),
        "jpeg named png": file("image", TAKEN, JPEG),
        "png named jpg": file("image", TAKEN, PNG, "bad.jpg"),
        "png in capitals": file("image", TAKEN, PNG, "BAD.PNG"),
        "jpeg cut in its header": file("image", "damaged picture", JPEG[:15], "bad.jpg"),
        "jpeg cut in its pixels": file("image", "damaged picture", JPEG[:-40], "bad.jpg"),
        "jpeg of 65535 x 65535": file("image", "more than 128 Mi pixels", HUGE_JPEG, "bad.jpg"),
        "jpeg of CMYK": file("image", TAKEN, saved(picture("CMYK"), "JPEG"), "bad.jpg"),
        "jpeg, progressive": file("image", TAKEN, saved(picture(), "JPEG", progressive=True), "bad.jpg"),
        "jpeg turned by EXIF": file("image", TAKEN, saved(picture(size=(8, 4)), "JPEG", exif=EXIF), "bad.jpg"),
        "jpeg with broken EXIF": file(
            "image", TAKEN, JPEG[:2] + b"\xff\xe1\x00\x10Exif\0\0MM\0*\xff\xff\xff\xff" + JPEG[2:], "bad.jpg"
        ),
        "jpeg with a comment of 60 KB": file(
            "image", TAKEN, JPEG[:2] + b"\xff\xfe" + struct.pack(">H", 60002) + bytes(60000) + JPEG[2:], "bad.jpg"
        ),
        "webp cut": file("image", "damaged picture", WEBP[:-20], "bad.webp"),
        "webp, animated": file(
            "image", TAKEN, saved(ANIMATED[0], "WEBP", save_all=True, append_images=ANIMATED[1:]), "bad.webp"
        ),
        "bmp cut": file("image", "damaged picture", BMP[:-20], "bad.bmp"),
        "bmp of 65535 x 65535": file("image", "more than 128 Mi pixels", HUGE_BMP, "bad.bmp"),
        "gif": file("image", TAKEN, saved(picture("P"), "GIF"), "bad.gif"),
        "gif cut": file("image", "damaged picture", saved(picture("P"), "GIF")[:20], "bad.gif"),
        "tiff": file("image", TAKEN, saved(picture(), "TIFF"), "bad.tif"),
        "tiff cut": file("image", "damaged picture", saved(picture(), "TIFF")[:40], "bad.tif"),
        "pnm of 16 bits": file("image", TAKEN, b"P5 2 2 65535\n" + bytes(range(8)), "bad.pgm"),
        "pnm cut": file("image", "damaged picture", b"P6 8 8 255\n" + bytes(9), "bad.ppm"),
        "tga": file("image", ".tga: no image file", saved(picture(), "TGA"), "bad.tga", alone=False),
        "svg": file("image", ".svg: no image file", b"<svg/>", "bad.svg", alone=False),
        "heic": file("image", "HEIC picture", b"\0\0\0 ftypheic", "bad.heic"),
        "no suffix": file("image", "no suffix: no image file", PNG, "bad", alone=False),
        "empty": file("image", "empty file", b""),
        "17 MiB, of which most follow a png": file("image", TAKEN, PNG + bytes(17 << 20)),
        "the same twice": file("image", "same content as another seed", b"", "again.png", alone=False),
    }
    arrays = {
        "npy of objects": ("array of another type", array(np.array([{}, 1], object), allow_pickle=True)),
        "npy cut": ("damaged array", array(PIXELS)[:-9]),
        "npy cut in its header": ("damaged array", array(PIXELS)[:30]),
        "npy that claims 2^40 bytes": (
            "more than 16 Mi pixels",
            headed("{'descr': '|u1', 'fortran_order': False, 'shape': (1048576, 1048576), }"),
        ),
        "npy of a negative shape": (
            "damaged array",
            headed("{'descr': '|u1', 'fortran_order': False, 'shape': (-4, -4), }", b"abcd" * 4),
        ),
        "npy whose header is a program": ("damaged array", headed("__import__('os').system('true')")),
        "npy whose header nests": ("damaged array", headed("(" * 5000 + ")" * 5000)),
        "npy of another version": ("array of an unknown version", headed("{}", version=(9, 0))),
        "npy in Fortran order": (TAKEN, array(np.asfortranarray(PIXELS))),
        "npy, big endian": (TAKEN, array((PIXELS / 255).astype(">f4"))),
        "npy of uint16": (TAKEN, array(PIXELS.astype(np.uint16) * 257)),
        "npy of int64": (TAKEN, array(PIXELS.astype(np.int64))),
        "npy of NaN": ("not finite", array(np.full((8, 8), np.nan))),
        "npy of -9 to 9": ("outside [0, 1]", array(PIXELS / 16 - 9)),
        "npy of complex numbers": ("array of another type", array(PIXELS.astype(complex))),
        "npy of one axis": ("array of another shape", array(PIXELS.reshape(-1)[:-1])),
        "npy of no values": ("array of another shape", array(np.zeros((0, 8), np.uint8))),
        "npy of no axis": ("array of another shape", array(np.uint8(3))),
        "npy of records": ("array of another type", array(np.zeros(3, [("a", "u1"), ("b", "f4")]))),
    }
    cases |= {
        name: file("image", outcome, content, "bad.npy", alone=False) for name, (outcome, content) in arrays.items()
    }
    return cases


def wav(
    body: bytes, *, tag: int = 1, channels: int = 1, rate: int = 16000, bits: int = 16, size: int | None = None,
    magic: bytes = b"RIFF", form: bytes = b"", before: bytes = b"", after: bytes = b"", riff: int | None = None,
) -> bytes:  # fmt: skip
    frame = channels * bits // 8
    described = struct.pack("<HHIIHH", tag, channels, rate, rate * frame & 0xFFFFFFFF, frame & 0xFFFF, bits) + form
    chunks = before + b"fmt " + struct.pack("<I", len(described)) + described
    chunks += b"data" + struct.pack("<I", len(body) if size is None else size) + body + after
    return magic + struct.pack("<I", 4 + len(chunks) if riff is None else riff) + b"WAVE" + chunks


def rf64(body: bytes, *, said: int | None = None, magic: bytes = b"RF64", ds64: bool = True) -> bytes:
    sizes = struct.pack("<QQQI", 100 + len(body), len(body) if said is None else said, len(body) // 2, 0)
    before = b"ds64" + struct.pack("<I", len(sizes)) + sizes if ds64 else b""
    return wav(body, magic=magic, riff=0xFFFFFFFF, size=0xFFFFFFFF, before=before)


NOISE = np.random.default_rng(2).integers(-9000, 9000, 800, np.int16)
PCM = NOISE.tobytes()
SUBFORMAT = struct.pack("<HHI", 22, 16, 4) + struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")


def sound(form: str, coding: str, channels: int = 1, count: int = 800) -> bytes:
    content = io.BytesIO()
    samples = np.random.default_rng(3).uniform(-0.5, 0.5, (count, channels)).astype(np.float32)
    soundfile.write(content, samples, 16000, format=form, subtype=coding)
    return content.getvalue()


def sounds() -> dict[str, Case]:
    flac, ogg, mp3 = sound("FLAC", "PCM_16"), sound("OGG", "VORBIS", 1, 8000), sound("MP3", "MPEG_LAYER_III", 1, 8000)
    floats = (NOISE / 32768).astype("<f8")
    odd = floats.copy()
    odd[7] = np.nan
    cases = {
        "wav cut in its header": ("damaged sound", wav(PCM)[:20]),
        "wav cut before its samples": ("damaged sound", wav(PCM)[:36]),
        "wav cut in its samples": ("truncated file", wav(PCM)[:-100]),
        "wav of a killed recorder, length 0": (TAKEN, wav(PCM, size=0, riff=0)),
        "wav of a killed recorder, length -1": (TAKEN, wav(PCM, size=0xFFFFFFFF, riff=0xFFFFFFFF)),
        "wav of a killed recorder, length 2^31": (TAKEN, wav(PCM, size=0x7FFFFFFF)),
        "wav without a sample": ("no samples", wav(b"")),
        "wav without a sample, then a note": ("no samples", wav(b"", after=b"LIST\x04\0\0\0INFO")),
        "wav without a description": ("damaged sound", b"RIFF\x10\0\0\0WAVEdata\x04\0\0\0abcd"),
        "wav whose chunks never end": ("damaged sound", b"RIFF\xff\xff\xff\xffWAVE" + b"JUNK\0\0\0\0" * 5000),
        "wav with a chunk of odd length before": (TAKEN, wav(PCM, before=b"note\x03\0\0\0abc\0")),
        "wav of 64-bit floats": (TAKEN, wav(floats.tobytes(), tag=3, bits=64)),
        "wav of 24 bits": (TAKEN, sound("WAV", "PCM_24")),
        "wav of 8 bits": (TAKEN, sound("WAV", "PCM_U8")),
        "wav of mu-law": (TAKEN, sound("WAV", "ULAW")),
        "wav of ADPCM": ("WAV of another coding", sound("WAV", "IMA_ADPCM")),
        "wav of 12 bits": ("WAV of another coding", wav(PCM, bits=12)),
        "wav, extensible": (TAKEN, wav(PCM, tag=0xFFFE, form=SUBFORMAT)),
        "wav, extensible and cut": ("WAV of another coding", wav(PCM, tag=0xFFFE)),
        "wav at 0 Hz": ("absurd sample rate", wav(PCM, rate=0)),
        "wav at 2^32 - 1 Hz": ("absurd sample rate", wav(PCM, rate=0xFFFFFFFF)),
        "wav of 0 channels": ("no channel", wav(PCM, channels=0)),
        "wav of 9 channels": ("more than 8 channels", wav(PCM[: 18 * 80], channels=9)),
        "wav of 65535 channels": ("more than 8 channels", wav(PCM, channels=65535)),
        "wav of NaN": ("not finite", wav(odd.tobytes(), tag=3, bits=64)),
        "wav of RF64": (TAKEN, rf64(PCM)),
        "wav of RF64, cut": ("truncated file", rf64(PCM)[:-100]),
        "wav of RF64 that claims 2^40": ("truncated file", rf64(PCM, said=1 << 40)),
        "wav of RF64 without its sizes": ("damaged sound", rf64(PCM, ds64=False)),
        "wav of BW64": (TAKEN, rf64(PCM, magic=b"BW64")),
        "wav of RIFX": ("no sound of a known format", wav(PCM, magic=b"RIFX")),
        "wav that is an avi": ("no sound of a known format", b"RIFF\x10\0\0\0AVI LIST\0\0\0\0"),
        "flac": (TAKEN, flac),
        "flac cut in its header": ("damaged sound", flac[:30]),
        "flac cut in its samples": ("damaged sound", flac[: len(flac) // 2]),
        "flac that claims 2^36 samples": ("longer than 10 minutes", flac[:21] + b"\xff" * 5 + flac[26:]),
        "flac that does not say its length": (
            "length not in the header",
            flac[:21] + bytes([flac[21] & 0xF0]) + bytes(4) + flac[26:],
        ),
        "ogg": (TAKEN, ogg),
        "ogg cut": ("truncated file", ogg[:-60]),
        "ogg of its first page": ("damaged sound", ogg[:58]),
        "mp3": (TAKEN, mp3),
        "mp3 cut": ("truncated file", mp3[:-60]),
        "mp3 with a picture before": (TAKEN, b"ID3\x03\0\0\0\0\x0f\x76" + bytes(2038) + mp3),
        "mp3 whose tag never ends": ("no sound of a known format", b"ID3\x03\0\0\x7f\x7f\x7f\x7f" + mp3),
        "text named wav": ("no sound of a known format", b"hello, hello\n" * 9),
        "picture named wav": ("no sound of a known format", PNG),
    }
    made = {name: file("audio", outcome, content) for name, (outcome, content) in cases.items()}
    return made | {
        "m4a": file("audio", ".m4a: no audio file", b"\0\0\0 ftypM4A ", "bad.m4a", alone=False),
        "raw samples": file("audio", ".pcm: no audio file", PCM, "bad.pcm", alone=False),
    }


def texts() -> dict[str, Case]:
    controls = "control characters"
    cases = {
        "latin-1": ("not UTF-8", "caf\u00e9".encode("latin-1"), ""),
        "cp1252": ("not UTF-8", "\u201cquoted\u201d".encode("cp1252"), ""),
        "utf-16 with its mark": ("not UTF-8", "two words".encode("utf-16"), ""),
        "utf-16 without its mark": ("not UTF-8", "two words, no mark".encode("utf-16-le"), ""),
        "utf-16, big endian, without": ("not UTF-8", "two words, no mark".encode("utf-16-be"), ""),
        "utf-32 without its mark": ("not UTF-8", "two words, no mark".encode("utf-32-le"), ""),
        "utf-8 with a mark": (TAKEN, b"\xef\xbb\xbfhello", ""),
        "half a surrogate pair": ("not UTF-8", b"a\xed\xa0\x80b", ""),
        "overlong": ("not UTF-8", b"\xc0\xaf", ""),
        "torn at its end": ("not UTF-8", "caf\u00e9".encode()[:-1], ""),
        "a NUL": (TAKEN, b"before\0after", controls),
        "controls": (TAKEN, b"\x1b[31mred\x07\x08\x7f", controls),
        "C1 controls": (TAKEN, "a\u0085b\u009b31m".encode(), controls),
        "tabs and line ends of three systems": (TAKEN, b"a\tb\nc\r\nd\re\x0c", ""),
        "NULs alone": ("nothing but NUL bytes", bytes(4096), ""),
        "white space alone": (TAKEN, b" \n\t ", ""),
        "directions turned": (TAKEN, "\u202eabc".encode(), ""),
        "one line of 4 MB": (TAKEN, b"word " * 800_000, ""),
        "more than any text": ("larger than 4 MiB", b"x" * ((4 << 20) + 1), ""),
        "a picture named txt": ("not UTF-8", PNG, ""),
        "a zip named txt": ("an archive", zipped({"a.txt": b"b"}), ""),
    }
    made = {
        f"text, {name}": file("text", outcome, content, warned=warned)
        for name, (outcome, content, warned) in cases.items()
    }
    return made | {
        "text, empty": file("text", TAKEN, b"", warned="is empty, taken as such"),
        "text, json": file("text", ".json: no text file", b"{}", "bad.json", alone=False),
        "text, html": file("text", ".html: no text file", b"<p>", "bad.html", alone=False),
    }


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def tarred(mode: str, name: str = "a.png") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo(name)
        member.size = len(PNG)
        archive.addfile(member, io.BytesIO(PNG))
    return content.getvalue()


def encrypted(name: str = "a.png") -> bytes:
    """The flag alone: what unpacks it asks for a password."""
    plain = bytearray(zipped({name: PNG}))
    plain[6] |= 1
    plain[plain.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(plain)


def archives() -> dict[str, Case]:
    linked = io.BytesIO()
    with tarfile.open(fileobj=linked, mode="w") as archive:
        member = tarfile.TarInfo("a.png")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    contents = {
        "zip": (TAKEN, "a.zip", zipped({"cat/1.png": PNG})),
        "zip that leads out": ("leads out of its archive", "a.zip", zipped({"../../a.png": PNG})),
        "zip with the path of another system": ("leads out of its archive", "a.zip", zipped({"C:\\a.png": PNG})),
        "zip of 100 MB in 100 KB": ("no picture of a known format", "a.zip", zipped({"a.png": bytes(100_000_000)})),
        "zip that claims 2^32 - 2 bytes": (
            "archive that unpacks to too much", "a.zip", lying_zip({"a.png": PNG, "b.png": PNG}, 0xFFFFFFFE)),
        "zip in a zip": ("an archive in an archive", "a.zip", zipped({"b.zip": zipped({"a.png": PNG})})),
        "zip with a password": ("encrypted archive", "a.zip", encrypted()),
        "zip of what macOS adds": ("hidden file", "a.zip", zipped({"__MACOSX/._a.png": PNG})),
        "zip with a link": ("link in an archive", "a.zip", linked_zip("/etc/passwd")),
        "zip cut": ("damaged archive", "a.zip", zipped({"a.png": PNG})[:-30]),
        "zip of nothing": ("empty archive", "a.zip", zipped({})),
        "zip named png": (ARCHIVE, "a.png", zipped({"a.png": PNG})),
        "tar": (TAKEN, "a.tar", tarred("w")),
        "tar that leads out": ("leads out of its archive", "a.tar", tarred("w", "/etc/a.png")),
        "tar with a link": ("link out of its archive", "a.tar", linked.getvalue()),
        "tar named png": (ARCHIVE, "a.png", tarred("w")),
        "tar cut": ("damaged archive", "a.tar", tarred("w")[:600]),
        "tar.gz": (TAKEN, "a.tar.gz", tarred("w:gz")),
        "tar.gz cut": ("damaged archive", "a.tar.gz", tarred("w:gz")[:-30]),
        "tgz": (TAKEN, "a.tgz", tarred("w:gz")),
        "tar.xz": (TAKEN, "a.tar.xz", tarred("w:xz")),
        "tar.bz2": (TAKEN, "a.tar.bz2", tarred("w:bz2")),
        "gz of one picture": (ARCHIVE, "1.png.gz", gzip.compress(PNG)),
        "gz named png": (ARCHIVE, "1.png", gzip.compress(PNG)),
        "bz2": (ARCHIVE, "1.png.bz2", bz2.compress(PNG)),
        "xz": (ARCHIVE, "1.png.xz", lzma.compress(PNG)),
        "7z": (ARCHIVE, "a.7z", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(50)),
        "rar": (ARCHIVE, "a.rar", b"Rar!\x1a\x07\x01\0" + bytes(50)),
        "zst": (ARCHIVE, "1.png.zst", b"\x28\xb5\x2f\xfd" + bytes(50)),
        "npz in a folder": (".npz: no image file", "a.npz", zipped({"images.npy": array(PIXELS[None])})),
    }  # fmt: skip
    cases = {name: file("image", outcome, content, where) for name, (outcome, where, content) in contents.items()}
    cases["npz in a folder"] = cases["npz in a folder"]._replace(alone=False)
    bombs = {
        "npz that unpacks to more than it may": (
            "larger than 1024 MiB", lying_zip({"images.npy": array(PIXELS[None])}, 2 << 30)),
        "npz whose array claims 2^40 bytes": (
            "not an array file",
            zipped({"x.npy": headed("{'descr': '|u1', 'fortran_order': False, 'shape': (1048576, 1048576), }")})),
        "npz of objects": ("pickled objects", zipped({"x.npy": array(np.array([{}], object), allow_pickle=True)})),
        "npz without inputs": ("no inputs in the archive", zipped({"weights.npy": array(PIXELS)})),
        "npz with labels that do not fit": (
            "labels do not fit", zipped({"x.npy": array(PIXELS[None]), "y.npy": array(np.arange(3))})),
        "npz cut": ("not an array file", zipped({"x.npy": array(PIXELS[None])})[:-9]),
        "npz with a password": ("encrypted archive", encrypted("x.npy")),
        "npz that leads out": ("no inputs in the archive", zipped({"../x.npy": array(PIXELS[None])})),
    }  # fmt: skip
    return cases | {name: stack(outcome, content) for name, (outcome, content) in bombs.items()}


def lying_zip(files: dict[str, bytes], claimed: int) -> bytes:
    """Each member is said to unpack to so many bytes."""
    data = bytearray(zipped(files))
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 24 : at + 28] = struct.pack("<I", claimed)
        at = data.find(b"PK\x01\x02", at + 4)
    return bytes(data)


def linked_zip(to: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        member = zipfile.ZipInfo("a.png")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, to)
    return content.getvalue()


def stack(outcome: str, content: bytes) -> Case:
    """A file of arrays, which is named by itself."""
    return file("image", f"stack: {outcome}", content, "bad.npz", alone=False)


def places() -> dict[str, Case]:
    def linked(to: str, name: str = "bad.png") -> Callable[[Path], str]:
        def made(folder: Path) -> str:
            (folder / name).symlink_to(to)
            return name

        return made

    def fifo(folder: Path) -> str:
        os.mkfifo(folder / "bad.png")
        return "bad.png"

    def door(folder: Path) -> str:
        there = os.getcwd()
        os.chdir(folder)  # a socket's path has 108 bytes at most
        try:
            with socket.socket(socket.AF_UNIX) as opened:
                opened.bind("bad.png")
        finally:
            os.chdir(there)
        return "bad.png"

    def named(name: bytes) -> Callable[[Path], str]:
        def made(folder: Path) -> str:
            path = os.path.join(os.fsencode(folder), name)
            with open(path, "wb") as opened:
                opened.write(PNG)
            return os.fsdecode(name)

        return made

    def locked(folder: Path) -> str:
        (folder / "bad.png").write_bytes(PNG)
        (folder / "bad.png").chmod(0)
        return "bad.png"

    def shut(folder: Path) -> str:
        (folder / "shut").mkdir()
        (folder / "shut" / "a.png").write_bytes(PNG)
        (folder / "shut").chmod(0)
        return "shut"

    cases = {
        "hidden file": file("image", "hidden file", PNG, ".bad.png", alone=False),
        "hidden file of macOS": file("image", "hidden file", b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(50), "._1.png",
                                     alone=False),
        ".DS_Store": file("image", "hidden file", b"\0\0\0\1Bud1", ".DS_Store", alone=False),
        "hidden folder": file("image", "hidden folder", PNG, ".git/objects/a.png", alone=False),
        "__MACOSX": file("image", "hidden file", b"\0\5\x16\7" + bytes(50), "__MACOSX/._1.png", alone=False),
        "Thumbs.db": file("image", ".db: no image file", b"\xd0\xcf\x11\xe0", "Thumbs.db", alone=False),
        "desktop.ini": file("image", ".ini: no image file", b"[a]", "desktop.ini", alone=False),
        "another table than labels.csv": file("image", ".csv: no image file", b"a,b", "cat/labels.csv", alone=False),
        "link to nowhere": Case("image", "link to nothing", linked("nowhere.png"), alone=False),
        "link to itself": Case("image", "link to nothing", linked("bad.png"), alone=False),
        "link to a file": Case("image", "same content as another seed", linked("good.png"), alone=False),
        "link to its own folder": Case("image", ROUND, linked(".", "round"), alone=False),
        "link to the root": Case("image", ROUND, linked("/", "root"), alone=False),
        "FIFO": Case("image", "not an ordinary file", fifo),
        "socket": Case("image", "not an ordinary file", door),
        "link to a device": Case("image", "not an ordinary file", linked("/dev/zero"), alone=False),
        "folder named like a file": file("image", TAKEN, PNG, "x.png/bad.png"),
        "folder in a folder in a folder": file("image", TAKEN, PNG, "a/b/c/d/e/f/bad.png"),
        "name with a line end": Case("image", TAKEN, named(b"ba\nd.png")),
        "name with an escape": Case("image", TAKEN, named(b"\x1b[31mbad.png")),
        "name that is no UTF-8": Case("image", TAKEN, named(b"\xff\xfe.png")),
        "name of 255 bytes": Case("image", TAKEN, named(b"a" * 251 + b".png")),
        "name that begins with a dash": Case("image", TAKEN, named(b"-rf.png")),
        "name of blanks": Case("image", TAKEN, named(b"  .png")),
        "name that ends with a blank": Case("image", ".png : no image file", named(b"a.png "), alone=False),
        "name with two suffixes": Case("image", TAKEN, named(b"a.txt.png")),
    }  # fmt: skip
    if os.geteuid():
        cases["file that may not be read"] = Case("image", "cannot be opened", locked)
        cases["folder that may not be read"] = Case("image", "folder that cannot be opened", shut, alone=False)
    return cases


def tables() -> dict[str, Case]:
    """labels.csv beside good.png and bad.png."""

    def labelled(content: bytes) -> Callable[[Path], str]:
        def made(folder: Path) -> str:
            (folder / LABELS).write_bytes(content)
            (folder / "bad.png").write_bytes(PNG)
            return "bad.png"

        return made

    def placed(make: Callable[[Path], None]) -> Callable[[Path], str]:
        def made(folder: Path) -> str:
            make(folder / LABELS)
            (folder / "bad.png").write_bytes(PNG)
            return "bad.png"

        return made

    lines = "file,label\ngood.png,cat\nbad.png,dog\n"
    missing = "named in labels.csv but not there"
    contents = {
        "plain": (TAKEN, lines.encode(), ""),
        "with a mark": (TAKEN, b"\xef\xbb\xbf" + lines.encode(), ""),
        "with CRLF": (TAKEN, lines.replace("\n", "\r\n").encode(), ""),
        "without a last line end": (TAKEN, lines.strip().encode(), ""),
        "with empty lines": (TAKEN, lines.replace("\n", "\n\n").encode(), ""),
        "with blanks in its first line": (TAKEN, lines.replace("file,label", " File , Label ").encode(), ""),
        "with more columns": (TAKEN, b"file,label,note\ngood.png,cat,a\nbad.png,dog,b\n", ""),
        "naming a file that is missing": (missing, (lines + "gone.png,cat\n").encode(), ""),
        "naming a file outside": (missing, (lines + "../../etc/passwd,cat\n").encode(), ""),
        "naming a file by its whole path": (missing, (lines + "/etc/passwd,cat\n").encode(), ""),
        "naming a folder": (missing, (lines + ".,cat\n").encode(), ""),
        "with paths of Windows": (
            TAKEN,
            lines.replace("bad.png", "sub\\bad.png").encode(),
            "by the last part of their paths",
        ),
        "not naming a file": (TAKEN, b"file,label\ngood.png,cat\n", "not named in labels.csv"),
        "naming a file twice": (TAKEN, (lines + "bad.png,dog\n").encode(), ""),
        "naming a file twice, otherwise": (TAKEN, (lines + "bad.png,cat\n").encode(), "bad.png"),
        "with a line of one column": (TAKEN, (lines + "bad.png\n").encode(), "line 4"),
        "with an empty label": (TAKEN, b"file,label\ngood.png,cat\nbad.png,\n", ""),
        "empty": ("table: cannot be read", b"", ""),
        "with another first line": (TAKEN, b"name,class\nbad.png,dog\n", "not named in labels.csv"),
        "of other columns": ("table: its first line must be", b"note,price,colour\nx,3,red\n", ""),
        "of another folder": ("table: none of its", b"file,label\ncat/1.png,dog\ncat/2.png,dog\n", ""),
        "with semicolons": (TAKEN, lines.replace(",", ";").encode(), ""),
        "in UTF-16": (TAKEN, lines.encode("utf-16"), ""),
        "in Latin-1": (TAKEN, b"file,label\nbad.png,\xe9\n", "Windows-1252"),
        "with a field of 1 MB": ("table: line", b'file,label\n"' + b"a" * 1_000_000 + b'",dog\n', ""),
    }
    cases = {
        f"labels.csv {name}": Case("image", outcome, labelled(content), warned, alone=False)
        for name, (outcome, content, warned) in contents.items()
    }
    return cases | {
        "labels.csv that is a link": Case(
            "image", "table: its first line must be", placed(lambda path: path.symlink_to("/etc/hostname")),
            alone=False),
        "labels.csv that is a FIFO": Case("image", "table: cannot be read", placed(os.mkfifo), alone=False),
        "labels.csv that is a folder": Case("image", TAKEN, placed(Path.mkdir), alone=False),
    }  # fmt: skip


_CASES: dict[str, Case] = {}


def _all() -> dict[str, Case]:
    if not _CASES:
        for part in (images, sounds, texts, archives, places, tables):
            _CASES.update(part())
    return _CASES


def cases() -> list[str]:
    return list(_all())


GOOD = {
    "image": saved(picture(size=(9, 9)), "PNG"), "grey": saved(picture(size=(9, 9)), "PNG"),
    "audio": sound("WAV", "PCM_16", 1, 801), "text": b"a good text",
}  # fmt: skip


def put(name: str, folder: Path) -> str:
    """One case's file in a folder that has a good seed; its name there."""
    case = _all()[name]
    (folder / f"good{SUFFIX[case.modality]}").write_bytes(GOOD[case.modality])
    made = case.made(folder)
    if name == "the same twice":
        (folder / made).write_bytes(GOOD[case.modality])
    return made


def seen_in(folder: Path) -> int:
    """Names below a folder that whoever lists it sees as files: not those within what is hidden or shut.

    Of an archive that is read in place, those that it lists.
    """
    count = 0
    for entry in os.scandir(folder):
        if inside := _listed_in(Path(entry.path)):
            count += inside
            continue
        inside = entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
        count += seen_in(Path(entry.path)) if inside and os.access(entry.path, os.R_OK) else 1
    return count


def _listed_in(path: Path) -> int:
    """Files in an archive by the libraries that read it; 0 where it is none, or is refused as one."""
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                return sum(not member.is_dir() and member.file_size < 1 << 30 for member in archive.infolist())
        if ".tar" in path.suffixes or path.suffix == ".tgz":
            with tarfile.open(path) as packed:
                return sum(not member.isdir() for member in packed)
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError):
        pass
    return 0


@contextmanager
def bounded() -> Iterator[None]:
    """So much memory beyond what the process has, and no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + (MEBIBYTES << 20), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def broken(name: str, folder: Path) -> str:
    case = _all()[name]
    made = put(name, folder)
    started = time.process_time()
    with bounded():
        wrong = _stacked(case, folder / made) if case.outcome.startswith("stack: ") else _in_folder(case, folder)
        if not wrong and case.alone:
            wrong = _by_name(case, folder / made)
    spent = time.process_time() - started
    return wrong or (f"it took {spent:.0f} s" if spent > SECONDS else "")


def _in_folder(case: Case, folder: Path) -> str:
    reason = case.outcome.removeprefix("table: ")
    try:
        found = load_seeds(folder, MODALITIES[case.modality])
    except SeedError as error:
        return "" if case.outcome.startswith("table: ") and reason in str(error) else f"refused: {error}"
    if case.outcome.startswith("table: "):
        return "a table that cannot be understood was taken"
    table = (folder / LABELS).is_file()
    missing = found.skipped.get("named in labels.csv but not there", 0)
    counted = len(found) + sum(found.skipped.values()) - missing
    if counted != (seen := seen_in(folder) - table):
        return f"seen {seen}, taken {len(found)}, left out {found.skipped}"
    if case.warned and not any(case.warned in text for text in found.warnings):
        return f"no word of {case.warned!r}: {found.warnings}"
    if not case.warned and found.warnings:
        return f"warned: {found.warnings}"
    if raw := [line for line in (*found.advice(), *found.warnings) if not (line.isascii() and line.isprintable())]:
        return f"{raw[0]!a} goes to a terminal"
    if case.outcome == TAKEN:
        return "" if len(found) == 2 and not found.skipped else f"left out: {found.skipped}"
    if not any(one.startswith(reason) for one in found.skipped):
        return f"taken {len(found)}, left out {found.skipped}"
    return _without_remedy("; ".join(found.advice()), reason)


REMEDIES = {
    "an archive": "unpack", "damaged archive": "unpack it", "encrypted archive": "unpack it",
    "link in an archive": "unpack it", "HEIC picture": "pip install",
    ".npz: no image file": "--seeds", "hidden file": "rename",
    "not UTF-8": "save it as UTF-8", "length not in the header": "ffmpeg", "WAV of another coding": "ffmpeg",
}  # fmt: skip


def _without_remedy(told: str, reason: str) -> str:
    """Where there is something to do it is said."""
    wanted = REMEDIES.get(reason, "")
    return "" if wanted in told else f"{told!r} does not say what to do ({wanted})"


def _by_name(case: Case, path: Path) -> str:
    try:
        found = load_seeds(path, MODALITIES[case.modality])
    except SeedError as error:
        if case.outcome == TAKEN:
            return f"by its name it is refused: {error}"
        return "" if case.outcome in str(error) else f"by its name it is refused otherwise: {error}"
    return "" if len(found) == 1 and case.outcome == TAKEN else "by its name it is taken"


def _stacked(case: Case, path: Path) -> str:
    try:
        load_seeds(path, MODALITIES[case.modality])
    except SeedError as error:
        return "" if case.outcome.removeprefix("stack: ") in str(error) else f"refused otherwise: {error}"
    return "taken"
