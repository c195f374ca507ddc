"""A small parser with bugs planted in it, some shallow and some behind a magic number."""

import ctypes
import os

HARNESS = {"name": "planted", "allowed": ["ValueError"], "length": 64, "seconds": 0.5, "mebibytes": 256}


def check(data: bytes) -> int:
    if data[:2] == b"IX":
        return [0, 1][data[2]]
    if data[:2] == b"KE":
        return {b"a": 1}[data[2:3]]
    if data[:2] == b"AB":
        os.abort()
    if data[:2] == b"SE":
        ctypes.string_at(8)
    raise ValueError("no such chunk")


def fuzz(data: bytes) -> None:
    check(data)
