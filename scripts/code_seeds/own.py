"""What mlfuzz itself reads, from its own writers: payloads of each modality, arrays, records, settings, messages."""

from __future__ import annotations

import io
import json
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from code_seeds import arrays, pictures, sounds

if TYPE_CHECKING:
    from mlfuzz.findings.finding import Finding

Files = dict[str, bytes]


def loaders_mlfuzz() -> Files:
    shown, heard = pictures.image_pillow(), sounds.audio_soundfile()
    several = io.BytesIO()
    np.savez(several, images=np.zeros((2, 4, 4), np.uint8), labels=np.arange(2))
    return {
        "picture-png": b"i" + shown["colours.png"],
        "picture-jpg": b"i" + shown["turned.jpg"],
        "picture-webp": b"f" + shown["lossless.webp"],
        "picture-npy": b"f" + arrays.npy_numpy()["float32.npy"],
        "sound-wav": b"a" + heard["pcm16.wav"],
        "sound-flac": b"w" + heard["pcm16.flac"],
        "text": b"t" + "two words, \u00e9".encode(),
        "stack-npz": b"n" + several.getvalue(),
        "stack-npy": b"n" + arrays.npy_numpy()["text.npy"],
    }


def records_mlfuzz() -> Files:
    from mlfuzz.findings.finding import FileRef, Finding, dumps
    from mlfuzz.modality import raw
    from mlfuzz.storage.checkpoint import Checkpoint, save_checkpoint
    from mlfuzz.storage.frame import Kind, head, salt

    key = salt("w0-1-abcdef", 1)
    opening = json.dumps({"schema": "mlfuzz.journal/1"}).encode()
    bodies = [
        (Kind.OPEN, opening),
        (Kind.PAYLOAD, b"u"),
        (Kind.HEADER, struct.pack("<II", 18, 0) + b"{}"),
        (Kind.CLOSE, b'{"ended": true}'),
    ]
    found = Finding(
        id="0123456789abcdef", side="model", kind="label", target="digits:robust", verdict="confirmed", confirmed="3/3",
        input=FileRef("input.png", 64 * "0"), oracle={"name": "label"}, margin=0.5, chain=(),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.npz"
        save_checkpoint(path, Checkpoint({"radius": np.float32([0.5])}, {"batches": 3}))
        saved = path.read_bytes()[: -len(b"mlfuzz sha256 ") - 64]
    return {
        "journal": b"j" + b"".join(head(kind, body, key) + body for kind, body in bodies),
        "framed": b"J" + b"".join(bytes([kind, len(body)]) + body for kind, body in bodies),
        "finding": b"f" + dumps(found),
        "checkpoint": b"c" + saved,
        "payload": b"p" + raw.dumps(np.arange(6, dtype=np.uint8).reshape(1, 2, 3)),
    }


def _numbered(*fields: tuple[int, str | bytes]) -> bytes:
    """Number, length and bytes of each field, as harnesses put them into a good record."""
    parts = [(number, text.encode() if isinstance(text, str) else text) for number, text in fields]
    return b"".join(bytes([number, len(text)]) + text for number, text in parts)


def _finding(**changes: object) -> Finding:
    from mlfuzz.findings.finding import FileRef, Finding
    from mlfuzz.mutation import Mutation

    given: dict[str, object] = {
        "id": "0123456789abcdef", "side": "model", "kind": "label", "target": "digits:robust", "verdict": "confirmed",
        "confirmed": "3/3", "input": FileRef("input.png", 64 * "0"), "oracle": {"name": "label"}, "margin": 0.5,
        "chain": (Mutation("image.rotate", {"degrees": 7.25}),), "expected": "7", "observed": "1",
    }  # fmt: skip
    return Finding(**{**given, **changes})


def findings_mlfuzz() -> Files:
    from mlfuzz.findings.finding import FileRef, Trimmed

    zeros = 64 * "0"
    whole = _finding(
        label="7", seed=FileRef("seed.png", zeros), trimmed=Trimmed(FileRef("t.png", zeros), 14, 784, "pixels"),
        oracle={}, chain=(), confirmed="", expected="", observed="",
    )  # fmt: skip
    code = _finding(
        side="code", kind="exception", target="demo_parser", load="harnesses/demo_parser.py:fuzz", label=None,
        oracle={}, chain=(), input=FileRef("input.tnsr", zeros),
    )  # fmt: skip
    return {
        "whole": msgspec.json.encode(whole),
        "of-code": msgspec.json.encode(code),
        "good": b"\x0b\x05label",
        "files": _numbered((1, "seed.png"), (2, "blob-1.npy"), (3, "trimmed.json"), (5, "f" * 64)),
        "out": _numbered((0, "../input.png"), (8, "../../escaped"), (9, "/etc"), (10, "..")),
        "names": _numbered((9, "digits:fragile"), (10, "a/b"), (11, "crash"), (15, "flaky")),
    }
