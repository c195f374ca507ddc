"""Writes the harnesses' seeds, corpus/seeds/code/<harness>/: a few small files each, the same ones every time.

scripts/make_code_seeds.py [--into DIR] [harness ...]
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 4096
"""Bytes: small seeds are fuzzed many times faster than large ones."""

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


SEEDS: dict[str, Callable[[], Files]] = {"demo_parser": demo_parser}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("harness", nargs="*", choices=[[], *SEEDS], default=[])
    parser.add_argument("--into", type=Path, default=ROOT / "corpus" / "seeds" / "code")
    arguments = parser.parse_args()
    for harness in arguments.harness or SEEDS:
        folder = arguments.into / harness
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in SEEDS[harness]().items():
            if len(content) > LARGEST:
                raise SystemExit(f"{harness}/{name} has {len(content)} bytes; a seed has at most {LARGEST}")
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
