"""Tensor files for the demonstration's parser."""

from __future__ import annotations

import struct

Files = dict[str, bytes]


def demo_parser() -> Files:
    def file(*chunks: tuple[bytes, bytes], dims: tuple[int, ...] = (4, 4)) -> bytes:
        header = b"TNSR\x01" + bytes([len(dims)]) + struct.pack(f"<{len(dims)}H", *dims)
        return header + b"".join(tag + struct.pack("<H", len(body)) + body for tag, body in (*chunks, (b"E", b"")))

    return {
        "named.tnsr": file((b"T", b"kernel"), (b"N", b"\x03ab\x02c")),
        "filled.tnsr": file((b"F", struct.pack("<Id", 16, 0.5))),
        "quantised.tnsr": file((b"Q", struct.pack("<Bhh", 16, -8, 7) + bytes(range(8)))),
        "viewed.tnsr": file((b"B", b"bytes"), (b"V", b"\x00\x05"), dims=(5,)),
    }
