"""Writes the harnesses' seeds, corpus/seeds/code/<harness>/: a few small files each, the same ones every time.

scripts/make_code_seeds.py [--into DIR] [harness ...]
"""

from __future__ import annotations

import argparse
import io
import re
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np

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


def wav_scipy() -> Files:
    def file(form: bytes, samples: bytes, *extra: bytes, magic: bytes = b"RIFF") -> bytes:
        order = ">" if magic == b"RIFX" else "<"
        parts = [b"fmt " + struct.pack(order + "I", len(form)) + form, *extra]
        parts.append(b"data" + struct.pack(order + "I", len(samples)) + samples)
        body = b"WAVE" + b"".join(parts)
        return magic + struct.pack(order + "I", len(body)) + body

    def form(kind: int, channels: int, width: int, *, order: str = "<") -> bytes:
        align = channels * width
        return struct.pack(order + "HHIIHH", kind, channels, 8000, 8000 * align, align, 8 * width)

    extensible = form(0xFFFE, 1, 2) + struct.pack("<HHI", 22, 16, 4) + bytes.fromhex("0100000000001000800000aa00389b71")
    info = b"LIST" + struct.pack("<I", 14) + b"INFOISFT" + struct.pack("<I", 2) + b"x\0"
    tone = struct.pack("<8h", *(1000 * step for step in range(8)))
    return {
        "pcm16.wav": file(form(1, 1, 2), tone),
        "pcm8-stereo.wav": file(form(1, 2, 1), bytes(range(120, 136))),
        "pcm24.wav": file(form(1, 1, 3), bytes(range(24))),
        "float32.wav": file(form(3, 1, 4), struct.pack("<4f", 0.0, 0.5, -0.5, 1.0)),
        "extensible.wav": file(extensible, tone),
        "listed.wav": file(form(1, 1, 2), tone, info),
        "big-endian.wav": file(form(1, 1, 2, order=">"), struct.pack(">8h", *range(8)), magic=b"RIFX"),
    }


def npy_numpy() -> Files:
    return {
        "float32.npy": _npy(np.arange(6, dtype="<f4").reshape(2, 3)),
        "fortran.npy": _npy(np.asfortranarray(np.arange(6, dtype="<i8").reshape(2, 3))),
        "big-endian.npy": _npy(np.arange(4, dtype=">i2")),
        "structured.npy": _npy(np.zeros(2, dtype=[("label", "<i4"), ("box", "<f4", (2,))])),
        "text.npy": _npy(np.array(["yes", "no"])),
        "scalar.npy": _npy(np.float64(0.5)),
        "version-2.npy": _npy(np.arange(3, dtype="<u1"), version=(2, 0)),
    }


def _npy(array: np.ndarray, version: tuple[int, int] = (1, 0)) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), version=version, allow_pickle=False)
    return file.getvalue()


def npz_numpy() -> Files:
    images = _npy(np.arange(12, dtype="<u1").reshape(3, 4))
    labels = _npy(np.arange(3, dtype="<i8"))
    return {
        "stored.npz": _zip({"images.npy": images, "labels.npy": labels}),
        "deflated.npz": _zip({"images.npy": images, "labels.npy": labels}, zipfile.ZIP_DEFLATED),
        "bzip2.npz": _zip({"x.npy": images}, zipfile.ZIP_BZIP2),
        "with-text.npz": _zip({"x.npy": labels, "README": b"not an array"}),
    }


def _zip(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)  # ZipInfo: always of 1980
    return file.getvalue()


def checkpoint_torch() -> Files:
    import torch

    def save(content: object, *, zipped: bool) -> bytes:
        file = io.BytesIO()
        torch.save(content, file, _use_new_zipfile_serialization=zipped)
        # The old format calls storages by their addresses: the same name every time, of the same length.
        names: dict[bytes, bytes] = {}
        return re.sub(
            rb"(?<!\d)\d{10,}(?!\d)",
            lambda found: names.setdefault(found[0], str(len(names) + 1).encode().zfill(len(found[0]))),
            file.getvalue(),
        )

    weights = {"weight": torch.arange(4.0).reshape(2, 2), "bias": torch.zeros(2, dtype=torch.float16)}
    state = {"state": OrderedDict(weights), "epoch": 3, "rates": [0.1, 0.01], "name": "net"}
    return {
        "zipped.pt": save(weights, zipped=True),
        "legacy.pt": save(weights, zipped=False),
        "legacy-state.pt": save(state, zipped=False),
        "legacy-parameter.pt": save(torch.nn.Parameter(torch.ones(1)), zipped=False),
    }


SEEDS: dict[str, Callable[[], Files]] = {
    made.__name__: made for made in (demo_parser, wav_scipy, npy_numpy, npz_numpy, checkpoint_torch)
}


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
