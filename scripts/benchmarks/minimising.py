"""Twenty planted failures in files of twelve formats, each with what a person makes of its input by hand.

A case's predicate stands for the failure: it reads the file with a parser that is not mlfuzz's. `hand` is the smallest
input that came of shortening the file in an editor with the format's specification beside it, nothing computed.
"""

from __future__ import annotations

import datetime
import gzip
import io
import json
import re
import struct
import tarfile
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from mlfuzz.codefuzz.corpus.ddmin import RunBudget, smallest
from mlfuzz.codefuzz.formats import of, simpler

ALLOWED = 1.2
"""Times the size of what a person has got."""

Fails = Callable[[bytes], bool]


@dataclass(frozen=True)
class Case:
    """form: as a harness declares it; "" for a harness that declares none."""

    name: str
    form: str
    found: bytes
    fails: Fails
    hand: bytes


def minimised(case: Case, *, hints: bool = True, tries: int = 60_000) -> bytes:
    """What mlfuzz makes of it, with the format's tree or with bytes alone."""

    def fails(data: bytes) -> bool:
        try:
            return case.fails(data)
        except Exception:  # noqa: BLE001 - a parser that refuses a file is no failure
            return False

    search = (lambda data: simpler(data, of(case.form))) if hints else None
    return smallest(case.found, fails, RunBudget(600.0, tries=tries), hints=search)


def values(tree: Any) -> Iterator[Any]:
    """All values of a document, the document first."""
    yield tree
    below = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for one in below:
        yield from values(one)


REQUEST = json.dumps(
    {
        "model": "resnet", "inputs": [[0.25, -1.5e3, 7, 7, 7], [1, 2, 3], []],
        "options": {"dtype": "bfloat16", "device": None, "nested": [[[[[[[[{"deep": [True]}]]]]]]]],
                    "name": "a \"b\" \u00e9"},
        "tags": ["one", "two", "three"], "metadata": {"id": 123456, "user": {"name": "x", "roles": ["admin", "dev"]}},
    },
    indent=2,
).encode()  # fmt: skip
TWICE = b'{"first": {"rate": 0.1, "name": "sgd", "steps": [1, 2, 3], "rate": 0.2}, "second": {"rate": 0.5}}'
FEED = b"""<?xml version="1.0" encoding="utf-8"?>
<!-- a feed of pictures -->
<feed xmlns:m="urn:m" lang="en"><title>Pictures &amp; sounds</title>
  <entry m:kind="image"><item id="17" width="32"><name>cat</name><size>3</size></item><note>kept</note></entry>
  <entry><group><layer name="a"/><layer name="b"><mask/></layer></group></entry>
</feed>
"""
RUN = b"""# a run
title = "run 7"
seeds = [1, 2, 3]
begun = 2024-02-29T10:00:00Z

[model]
name = "resnet"
layers = [{ width = 16 }, { width = 32 }]

[train]
epochs = 10
lr = 2.5
schedule = { kind = "cosine", warmup = 0.1 }
"""
AUGMENT = b"""# augmentations
version: 2
made: 2001-12-14
augment:
  - crop: 0.9
  - rotate: 720
  - noise: {sigma: 0.1, kind: gauss}
labels: [cat, dog]
"""


def _rotated(data: bytes) -> bool:
    import yaml

    document = yaml.safe_load(data)
    return any(isinstance(step, dict) and step.get("rotate", 0) > 180 for step in document["augment"])


def _dated(data: bytes) -> bool:
    import yaml

    return any(type(one) is datetime.date for one in values(yaml.safe_load(data)))


def _archive(method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in (
            ("README.txt", b"read me\n" * 12), ("data/../weights.bin", bytes(range(200))),
            ("notes/haystack.txt", b"hay " * 30 + b"needle" + b" hay" * 30), ("empty", b""),
        ):  # fmt: skip
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return file.getvalue()


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for one in archive.infolist():
            yield one.filename, archive.read(one)


def _chunk(tag: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))


SIGNATURE = b"\x89PNG\r\n\x1a\n"
PICTURE = SIGNATURE + b"".join((
    _chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)), _chunk(b"gAMA", b"\0\0\xb1\x8f"),
    _chunk(b"tEXt", b"Title\0a picture of nothing"), _chunk(b"zTXt", b"More\0\0" + zlib.compress(b"words " * 20)),
    _chunk(b"IDAT", zlib.compress(b"".join(bytes([row % 6]) + bytes(range(8)) for row in range(8)))),
    _chunk(b"IEND", b""),
))  # fmt: skip


def _chunks(data: bytes) -> dict[bytes, bytes]:
    assert data.startswith(SIGNATURE)
    found, at = {}, len(SIGNATURE)
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        tag, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(tag + body)
        found[tag] = found.get(tag, b"") + body
        at += 12 + size
    return found


def _riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WAVE" + b"".join(
        tag + struct.pack("<I", len(one)) + one + bytes(len(one) % 2) for tag, one in chunks
    )  # fmt: skip
    return b"RIFF" + struct.pack("<I", len(body)) + body


SOUND = _riff(
    (b"LIST", b"INFO" + b"ISFT" + struct.pack("<I", 8) + b"recorder"), (b"JUNK", bytes(20)),
    (b"fmt ", struct.pack("<HHIIHH", 1, 0, 8000, 16000, 2, 16)), (b"fact", struct.pack("<I", 32)),
    (b"data", bytes(range(64))),
)  # fmt: skip


def _riff_chunks(data: bytes) -> dict[bytes, bytes]:
    assert data[:4] == b"RIFF"
    assert data[8:12] == b"WAVE"
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    found, at = {}, 12
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at + 4)
        assert at + 8 + size <= len(data)
        found[data[at : at + 4]] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def _npy(header: bytes, values: bytes = b"") -> bytes:
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + values


def _of_objects(data: bytes) -> bool:
    import numpy.lib.format as form

    file = io.BytesIO(data)
    assert form.read_magic(file) == (1, 0)
    return bool(form.read_array_header_1_0(file)[2].hasobject)


def _safetensors(**tensors: tuple[str, list[int], bytes]) -> bytes:
    header, data = {}, b""
    for name, (kind, shape, raw) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def _half(data: bytes) -> bool:
    from safetensors import deserialize

    return any(one["dtype"] == "BF16" for _, one in deserialize(data))


def _tar(*files: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files:
            one = tarfile.TarInfo(name)
            one.size = len(content)
            archive.addfile(one, io.BytesIO(content))
    return file.getvalue()


def _in_tar(data: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for one in archive.getmembers():
            file = archive.extractfile(one)
            yield one.name, file.read() if file else b""


def _pdf(*objects: bytes) -> bytes:
    body, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    table = b"xref\n0 1\n0000000000 65535 f \n"
    table += b"".join(b"%d 1\n%010d 00000 n \n" % (number, place) for number, place in enumerate(places, 1))
    trailer = b"trailer\n<< /Size %d /Root 1 0 R /Info 2 0 R >>\n" % (len(objects) + 1)
    return body + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(body)


def _pdf_objects(data: bytes) -> dict[int, bytes]:
    """By the table alone: what it does not place is not there."""
    assert data.startswith(b"%PDF-")
    start = int(re.findall(rb"startxref\s+(\d+)", data)[-1])
    assert data[start : start + 4] == b"xref"
    found = {}
    for number, place in re.findall(rb"(\d+) 1\n(\d{10}) \d{5} n", data[start:]):
        begin = re.compile(rb"%d 0 obj" % int(number)).match(data, int(place))
        assert begin
        found[int(number)] = data[begin.end() : data.index(b"endobj", begin.end())]
    return found


DOCUMENT = _pdf(
    b"<< /Type /Catalog /Pages 3 0 R /OpenAction 4 0 R >>", b"<< /Title (a document) /Author (nobody) >>",
    b"<< /Type /Pages /Kids [5 0 R] /Count 1 >>", b"<< /S /JavaScript /JS (app.alert) >>",
    b"<< /Type /Page /Parent 3 0 R /MediaBox [0 0 200 200] /Contents 6 0 R >>",
    b"<< /Length 44 >>\nstream\nBT /F1 12 Tf 72 712 Td (Hello) Tj ET ........\nendstream",
)  # fmt: skip

MESSAGE = bytes.fromhex("08071a0568656c6c6f120d0a0361626310012a04746578742204deadbeef3001")
"""Field 1 varint, 3 text, 2 a message (1 text, 2 varint, 5 text), 4 bytes, 6 varint."""


def _nested_text(data: bytes) -> bool:
    """Field 5 inside field 2 is not empty."""
    return any(number == 5 and body for _, inner in _fields(data, 2) for number, body in _fields(inner, 5))


def _fields(data: bytes, wanted: int) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(data):
        key = data[at]
        at += 1
        if key & 7 == 2:
            size = data[at]
            body, at = data[at + 1 : at + 1 + size], at + 1 + size
            assert len(body) == size
            if key >> 3 == wanted:
                found.append((wanted, body))
        else:
            assert key & 7 == 0
            assert data[at] < 0x80
            at += 1
    return found


def _hand_zip(name: bytes, content: bytes) -> bytes:
    common = struct.pack(
        "<5H3I2H", 20, 0, 0, 0, 0x21, zlib.crc32(content), len(content), len(content), len(name), 0
    )  # fmt: skip
    local = b"PK\3\4" + common + name + content
    central = b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    return local + central + b"PK\5\6" + struct.pack("<4H2IH", 0, 0, 1, 1, len(central), len(local), 0)


CASES = (
    Case("a value somewhere", "json", REQUEST,
         lambda data: any(isinstance(one, dict) and one.get("dtype") == "bfloat16" for one in values(json.loads(data))),
         b'{"dtype":"bfloat16"}'),
    Case("three numbers alike", "json", REQUEST,
         lambda data: any(isinstance(one, list) and len(one) > 2 and one[-1] == one[-2] == one[-3]
                          and isinstance(one[-1], int) for one in values(json.loads(data))),
         b"[0,0,0]"),
    Case("eight levels", "json", REQUEST, lambda data: bool(json.loads(data)) and _deep(json.loads(data)) >= 8,
         b"[[[[[[[[]]]]]]]]"),
    Case("a key twice", "json", TWICE, lambda data: bool(_twice(data)), b'{"":0,"":0}'),
    Case("a flag of a user", "", REQUEST,
         lambda data: any(isinstance(one, dict) and "roles" in one for one in values(json.loads(data))),
         b'{"roles":0}'),
    Case("an attribute", "xml", FEED, lambda data: ElementTree.fromstring(data).find(".//*[@id='17']..") is not None,
         b'<a><b id="17"/></a>'),
    Case("an element in another", "xml", FEED,
         lambda data: any(one.find("mask") is not None for one in ElementTree.fromstring(data).iter("layer")),
         b"<layer><mask/></layer>"),
    Case("a rate too high", "toml", RUN, lambda data: tomllib.loads(data.decode())["train"]["lr"] > 1, b"train.lr=2"),
    Case("a date with a time", "toml", RUN,
         lambda data: any(isinstance(one, datetime.datetime) for one in values(tomllib.loads(data.decode()))),
         b"a=2024-02-29T10:00:00"),
    Case("a turn too far", "yaml", AUGMENT, _rotated, b"augment:\n- rotate: 720"),
    Case("a date", "yaml", AUGMENT, _dated, b"2001-12-14"),
    Case("a path that climbs", "zip", _archive(zipfile.ZIP_STORED),
         lambda data: any(".." in name for name, _ in _members(data)), _hand_zip(b"..", b"")),
    Case("a word in a member", "zip", _archive(zipfile.ZIP_DEFLATED),
         lambda data: any(b"needle" in content for _, content in _members(data)), _hand_zip(b"", b"needle")),
    Case("a chunk", "png", PICTURE, lambda data: b"tEXt" in _chunks(data), SIGNATURE + _chunk(b"tEXt", b"")),
    Case("a filter that is none", "png", PICTURE, lambda data: b"\5" in zlib.decompress(_chunks(data)[b"IDAT"]),
         SIGNATURE + _chunk(b"IDAT", zlib.compress(b"\5"))),
    Case("no channels", "riff", SOUND, lambda data: struct.unpack_from("<HH", _riff_chunks(data)[b"fmt "]) == (1, 0),
         _riff((b"fmt ", b"\1\0\0\0"))),
    Case("an array of objects", "npy",
         _npy(b"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }".ljust(117) + b"\n", bytes(40)), _of_objects,
         _npy(b"{'descr':'O','fortran_order':True,'shape':()}")),
    Case("a half", "safetensors",
         _safetensors(first=("F32", [2, 2], bytes(16)), scale=("BF16", [3], bytes(6)), last=("I64", [1], bytes(8))),
         _half, _safetensors(**{"": ("BF16", [0], b"")})),
    Case("text in a message", "protobuf", MESSAGE, _nested_text, bytes.fromhex("12032a0130")),
    Case("a path from the root", "tar", _tar(("a.txt", b"a" * 700), ("/etc/x", b"root"), ("b/c.txt", b"b" * 30)),
         lambda data: any(name.startswith("/") for name, _ in _in_tar(data)), _tar(("/", b""))[:512]),
    Case("a script", "pdf", DOCUMENT, lambda data: any(b"/JavaScript" in one for one in _pdf_objects(data).values()),
         b"%PDF-4 0 obj/JavaScript endobj xref\n4 1\n0000000005 00000 n startxref 31"),
    Case("a document in a stream", "gzip", gzip.compress(REQUEST, mtime=0),
         lambda data: any(isinstance(one, dict) and "device" in one
                          for one in values(json.loads(gzip.decompress(data)))),
         gzip.compress(b'{"device":0}', mtime=0)),
)  # fmt: skip


def _deep(tree: Any) -> int:
    below = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else None
    return 0 if below is None else 1 + max(map(_deep, below), default=0)


def _twice(data: bytes) -> list[str]:
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found.extend(key for key, _ in pairs if [name for name, _ in pairs].count(key) > 1)
        return dict(pairs)

    json.loads(data, object_pairs_hook=look)
    return found
