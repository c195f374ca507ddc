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
        "labels": b"lfile,label\na.png,cat\ncat/b.png,dog\n",
        "labels-odd": b'l\xef\xbb\xbfFile, Label ,note\r\na.png,cat,1\r\n\r\nb\r\na.png,dog\r\n../c.png,"d"""\r\n',
        "folder": b"sb.txt\0another text",
        "folder-wide": b"sb.txt\0" + "wide".encode("utf-16-le"),
        "folder-archive": b"sb.tar.gz\0\x1f\x8b\x08",
        "folder-hidden": b"s.b.txt\0hidden",
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


def bundle_mlfuzz() -> Files:
    return {
        "good": _numbered((2, "7")),
        "named": _numbered((1, "digits:fragile"), (12, "input.npy"), (13, "seed.npy"), (14, "other")),
        "of-code": _numbered((4, "code"), (5, "exception"), (3, "harnesses/a.py:fuzz"), (16, "line 1\n"), (19, "")),
        "plain": _numbered((18, "package.module"), (7, "7"), (8, "1"), (17, "note")),
        "out": _numbered((0, "../../escaped"), (12, "../input.png")),
        "linked": _numbered((21, "")),
        "record": _numbered((20, b'{"schema": "mlfuzz.finding/1"}')),
    }


def config_mlfuzz() -> Files:
    from mlfuzz.config import Config, freeze

    whole = freeze(Config()).encode()
    return {
        "frozen": whole[: whole.rindex(b"\n", 0, LARGEST_TEXT) + 1],
        "project": b"""[targets.digits]
use = "mlfuzz.examples.digits:fragile"
seeds = "corpus/seeds"
oracles = ["label", "differ:bf16", {name = "tolerance", atol = 1e-3}]

[fuzz]
time = "10m"
inputs = "1M"
workers = 2
coverage = {name = "novelty", radius = 0.3}

[harnesses.acme]
seconds = 0.5
sandbox = "off"
""",
        "limits": b'[fuzz]\ntime = "none"\nmax-disk = "500MB"\n[targets.a.mutators]\ninclude = ["image.*"]\n',
        "variables": b"=FUZZ_TIME=30s\nFUZZ_WORKERS=4\nFUZZ_FAIL_ON=new",
        "options": b"=FUZZ_COVERAGE=novelty:radius=0.3\nFUZZ_INPUTS=10k\nFUZZ_SCHEDULER=latest:window=64",
    }


LARGEST_TEXT = 2048
"""Of a harness's seed."""


def dictionary_mlfuzz() -> Files:
    return {
        "words": b'# a comment\nmagic="PNG\\x0d\\x0a"\n"IHDR"\n\nkeyword_1@2="\\\\\\""\n',
        "afl": b'header_png="\\x89PNG\\x0d\\x0a\\x1a\\x0a"\nsection_IDAT="IDAT"\n',
        "refused": b'no word\n"unfinished\n"two" "words"\n"\\q"\n',
        "recommended": (
            b"###### Recommended dictionary. ######\n"
            b'"mlJ\\365" # Uses: 12\n"\\001\\000" # Uses: 3\n'
            b"###### End of recommended dictionary. ######\n"
        ),
        "empty": b"\n",
    }


def progress_mlfuzz() -> Files:
    from mlfuzz.campaign import spec
    from mlfuzz.campaign.isolation.flight_recorder import HEADER, MAGIC, FlightRecord
    from mlfuzz.corpus import entry
    from mlfuzz.corpus.entry import Entry, EntryMeasure
    from mlfuzz.mutation import Mutation
    from mlfuzz.progress import Miss, OperatorStats, Progress, Stats

    stats = Stats(
        campaign="c", started="2026-01-01T00:00:00+00:00", inputs=7, operators={"image.rotate": OperatorStats(rows=3)},
        confusion=[["7", "1", 3, "label"]], nearest=Miss(oracle="label", margin=-0.5, unit="", seed="a", sentence="b"),
    )  # fmt: skip
    line = Progress(
        life="w0-1-abcdef", seconds=1.5, inputs=7, batches=1, inputs_per_s=4.5, entries=2, seeds=1, candidates=0,
        failing=0, p_new=0.25, since_new_s=0.5, coverage={"novelty": 0.5}, best=["rotate 1/3"],
    )  # fmt: skip
    chain = (Mutation("image.rotate", {"degrees": 7.25}),)
    kept = Entry(life="w0-1-abcdef", sequence=1, parent=("w0-1-abcdef", 0), chain=chain, margins=[0.5, None])
    flight = msgspec.msgpack.encode(FlightRecord(3, "batch", ["w0-1-abcdef"], bytes(16), []))
    head = HEADER.pack(MAGIC, 2, 3, 1.0, 5.0, 1, 7, 0, len(flight))
    encoded = msgspec.json.encode(stats)
    return {
        "stats": b"s" + encoded,
        "two-stats": b"2" + encoded + b"\n" + msgspec.json.encode(Stats(campaign="c", started="")),
        "progress": b"p" + msgspec.json.encode(line) + b"\n" + msgspec.json.encode(line)[:40] + b"\n",
        "settings": b"w" + msgspec.json.encode(spec.spec_of({"target": "examples:digits", "oracles": ["label"]})),
        "target": b't{"digest": "abc"}',
        "banned": b'b[["w0-1-abcdef", 3]]',
        "entry": b"e" + entry.dumps(kept),
        "measure": b"e" + entry.dumps(EntryMeasure(life="w0-1-abcdef", sequence=1, gain=0.5, calibration="c")),
        "flight": b"f" + head + flight,
    }


def messages_mlfuzz() -> Files:
    from mlfuzz.campaign.supervisor.triage_worker import Reply, TriageRequest
    from mlfuzz.campaign.worker.orders import Answer, Order
    from mlfuzz.codefuzz.runtime.messages import HEAD

    body = b'{"event": "done", "seconds": 0.5}'
    return {
        "stream": b"m\x04" + HEAD.pack(len(body), 3) + body + b"abc" + HEAD.pack(2, 0) + b"{}",
        "framed": b"M\x02" + body + b'\n{"text": "\\ud800"}',
        "answer": b"a" + msgspec.json.encode(Answer(exit_code=3, kind="SeedError", message="no usable seed")),
        "unknown": b"a" + msgspec.json.encode(Answer(exit_code=1, kind="KeyError", message="'main'", trace="line 1")),
        "order": b"o" + msgspec.json.encode(Order(workdir="c", parent=1, seconds=5.0)),
        "request": b"q" + msgspec.json.encode(TriageRequest(op="settle", path="c/findings/1", target="a:b")),
        "reply": b"r" + msgspec.json.encode(Reply(ids=["0123456789abcdef"], value={"margin": 0.5})),
    }
