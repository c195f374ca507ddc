"""Small files of each format, always the same: what a new harness begins with, and what tests of formats take."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping

Files = dict[str, bytes]


def json_files() -> Files:
    return {
        "object.json": b'{"a": [1, -2.5e3, "x"], "b": {"c": null, "d": true}}',
        "array.json": b'[[], {}, "\\u00e9", 0.1, [1, [2, [3]]]]',
    }


def xml_files() -> Files:
    return {
        "feed.xml": b'<?xml version="1.0"?>\n<feed xmlns:m="urn:m"><item m:id="1">text &amp; more</item><item/></feed>',
        "mixed.xml": b"<a b='c'>x<!-- d --><e><![CDATA[f]]></e></a>",
    }


def toml_files() -> Files:
    return {
        "run.toml": b'name = "run"\n[train]\nlr = 1e-3\nsteps = [1, 2, 3]\n',
        "tables.toml": b"[[layer]]\nwidth = 16\n[[layer]]\nwidth = {a = 1}\nmade = 2024-02-29T10:00:00Z\n",
    }


def yaml_files() -> Files:
    return {
        "run.yaml": b"name: run\ntrain:\n  lr: 0.001\n  steps: [1, 2, 3]\n",
        "anchors.yaml": b"base: &b {a: 1}\nother:\n  <<: *b\n  made: 2001-12-14\n",
    }


def zip_files() -> Files:
    return {name: archive(method) for name, method in (("stored.zip", 0), ("deflated.zip", 8))}


def archive(method: int, members: Mapping[str, bytes] | None = None) -> bytes:
    """A small archive, always the same."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        for name, content in (members or {"a.txt": b"words " * 6, "b/c.bin": bytes(9)}).items():
            opened.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return file.getvalue()


def png(width: int, height: int, colour: int) -> bytes:
    """colour: 0 grey, 2 RGB (PNG specification, third edition, section 11.2.2)."""
    row = b"\0" + bytes(range(width * (3 if colour else 1)))

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def wav(channels: int, width: int) -> bytes:
    """Eight bytes of PCM."""
    form = struct.pack("<HHIIHH", 1, channels, 8000, 8000 * channels * width, channels * width, 8 * width)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", 8) + bytes(range(8))
    return b"RIFF" + struct.pack("<I", len(body)) + body


def npy(kind: str, shape: str, values: bytes) -> bytes:
    """An array of version 1.0."""
    header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + values


def npy_files() -> Files:
    return {
        "floats.npy": npy("'<f4'", "(2, 2)", bytes(16)), "bytes.npy": npy("'|u1'", "(3,)", b"abc"),
        "structured.npy": npy("[('a', '<i4'), ('b', '<f4', (2,))]", "(1,)", bytes(12)),
    }  # fmt: skip


def safetensors(**tensors: tuple[str, list[int], bytes]) -> bytes:
    """Type, shape and bytes by name."""
    header, data = {}, b""
    for name, (kind, shape, raw) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def safetensors_files() -> Files:
    return {
        "two.safetensors": safetensors(weight=("F32", [2, 2], bytes(16)), bias=("F16", [2], bytes(4))),
        "empty.safetensors": safetensors(none=("I64", [0], b"")),
    }


def protobuf_files() -> Files:
    return {
        "fields.pb": bytes.fromhex("08071a0568656c6c6f220401020304"),
        "nested.pb": bytes.fromhex("0a0c0a03616263120510011a0178" "1500000000"),
    }  # fmt: skip


def tar(**files: bytes) -> bytes:
    """An archive without the blocks that fill it up."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as opened:
        for name, content in files.items():
            one = tarfile.TarInfo(name)
            one.size = len(content)
            opened.addfile(one, io.BytesIO(content))
    return file.getvalue().rstrip(b"\0") + bytes(1024)


def pdf_files() -> Files:
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>"
    catalogue, pages = b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    packed = zlib.compress(b"BT (Hi) Tj ET")
    streams = {
        "plain.pdf": b"<< /Length 13 >>\nstream\nBT (Hi) Tj ET\nendstream",
        "packed.pdf": b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed),
    }
    return {name: pdf(catalogue, pages, page, stream) for name, stream in streams.items()}


def pdf(*objects: bytes) -> bytes:
    """Objects by number, the first one the catalogue."""
    body, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(body))
    return body + table + end


def pickle_files() -> Files:
    tree = {"a": [1, 2.5, b"x"], "b": (True, None), "c": {"d": "text"}}
    return {f"protocol-{one}.pkl": pickle.dumps(tree, one) for one in (0, 2, 4)}


def gzip_files() -> Files:
    return {"text.gz": gzip.compress(b"words " * 9, mtime=0), "empty.gz": gzip.compress(b"", mtime=0)}


def png_files() -> Files:
    return {"grey.png": png(2, 2, 0), "colour.png": png(2, 1, 2)}


def wav_files() -> Files:
    return {"mono.wav": wav(1, 1), "stereo.wav": wav(2, 2)}


def tar_files() -> Files:
    return {"one.tar": tar(a=b"text"), "two.tar": tar(**{"a/b": b"x" * 20, "c": b""})}


def path_files() -> Files:
    return {"test.txt": b".//d[@b='c']/f", "last.txt": b"d[last()-1]/{*}f"}
