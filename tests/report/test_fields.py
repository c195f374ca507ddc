from __future__ import annotations

import io
import random
import struct
import wave
import zipfile
import zlib

import pytest

from mlfuzz.report.fields import MOST, fields


def png():
    def chunk(tag, body):
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 300, 2, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IEND", b"")


def wav():
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((2, 2, 44100, 0, "NONE", ""))
        out.writeframes(bytes(8))
    return file.getvalue()


def archive():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("one.txt", "hello")
    return file.getvalue()


def npy():
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(12)


@pytest.mark.parametrize(
    ("data", "format", "name", "value"),
    [
        (png(), "PNG", "width", "300"),
        (wav(), "RIFF", "sample rate", "44,100"),
        (archive(), "ZIP", "name", "one.txt"),
        (archive(), "ZIP", "entries", "1"),
        (npy(), "NumPy array", "header length", "118"),
        (b"GGUF" + struct.pack("<IQQ", 3, 7, 2), "GGUF", "tensors", "7"),
        (b"TNSR\x01\x01\x04\x00E\x00\x00", "demonstration tensor", "dimensions", "4"),
    ],
)
def test_known_formats_are_read(data, format, name, value):
    found, known = fields(data)
    assert found == format
    assert value in [one.value for one in known if one.name == name]


def test_other_bytes_have_no_fields():
    assert fields(b"") == ("", [])
    assert fields(b"hello") == ("", [])


def test_a_declared_length_beyond_the_end_is_told_and_not_believed():
    data = b"RIFF\x04\x00\x00\x00WAVEdata\xff\xff\xff\x7f"
    _, known = fields(data)
    assert known[-1].value == "data, 2,147,483,647 bytes"


@pytest.mark.parametrize("data", [png(), wav(), archive(), npy()], ids=["png", "wav", "zip", "npy"])
def test_damaged_inputs_never_raise_and_stay_short(data):
    rng = random.Random(5)
    for _ in range(300):
        damaged = bytearray(data[: rng.randrange(4, len(data) + 1)])
        for _ in range(rng.randrange(1, 6)):
            damaged[rng.randrange(len(damaged))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        assert len(fields(bytes(damaged))[1]) <= MOST
