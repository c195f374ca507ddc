"""Formats that are changed by their trees alone: tar, PDF, safetensors, protocol buffers, pickles."""

from __future__ import annotations

from random import Random

from mlfuzz.codefuzz.formats import pdf, pickled, protobuf, safetensors, tar
from mlfuzz.codefuzz.formats.form import Form, Raw
from mlfuzz.codefuzz.formats.tokens import JSON_WORDS, SHARED, by

PDF_WORDS = (
    *SHARED, b"<<", b">>", b" 0 R", b"1 0 R", b"/Type", b"/Kids", b"/Parent", b"/Count", b"/Length", b"/Filter",
    b"/FlateDecode", b"/ASCIIHexDecode", b"/ASCII85Decode", b"/LZWDecode", b"/DecodeParms", b"/Prev", b"/XRef",
    b"/ObjStm",    b"/Encrypt", b"(", b")", b"<41>", b"stream\\n", b"endstream", b"null",
)  # fmt: skip


def raw_bytes(piece: bytes, rng: Random, raw: Raw, room: int) -> bytes:
    return raw(piece, max(1, room))


TAR = Form("tar", tar.walk, raw_bytes)
PDF = Form("pdf", pdf.walk, by(PDF_WORDS))
SAFETENSORS = Form("safetensors", safetensors.walk, by((*JSON_WORDS, b'"F32"', b'"I64"', b'"BOOL"', b'"__metadata__"')))
PROTOBUF = Form("protobuf", protobuf.walk, raw_bytes)
PICKLE = Form("pickle", pickled.walk, raw_bytes, raw_share=0.3)
