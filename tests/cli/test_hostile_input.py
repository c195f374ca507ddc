"""Seeds that are damaged, enormous or meant to do harm: counted or handled; terminal and report stay as they were."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import unicodedata
import wave
from pathlib import Path

import numpy as np
import pytest

from mlfuzz.modality.audio import Audio
from mlfuzz.modality.sound import write_wav

pytestmark = [pytest.mark.slow, pytest.mark.turns(2)]

PROJECT = '''
import mlfuzz


def loudness(waves):
    """NaN for a waveform of which half is clipped; else its power."""
    flat = waves.flatten(1)
    power = flat.square().mean(1)
    clipped = (flat.abs() > 0.9).float().mean(1) > 0.3
    return power.where(~clipped, power * float("nan"))[:, None]


def echo(text):
    """Says what it was told, but not a word of what is long; and cannot bear a tab."""
    if "\\t" in text:
        raise ValueError(f"\\x1b]0;taken\\x07<img src=x onerror=alert(1)> {text[:20]}")
    if len(text.encode()) > 120:
        return "\\x1b[2J\\x1b[31m<script>alert('taken')</script>\\u202e\\udcff\\0"
    return "short \\x1b[5m<b>"


audio = lambda: mlfuzz.CallableTarget("loudness", mlfuzz.Audio(seconds=0.5), loudness, seeds="audio")
text = lambda: mlfuzz.CallableTarget("echo", mlfuzz.Text(max_chars=400), mlfuzz.per_item(echo), seeds="text")
'''

TEXTS = {
    "empty.txt": b"",
    "ansi.txt": b"\x1b[2J\x1b[1;31mred\x1b[0m \x1b]0;title\x07 \xc2\x9b31m",
    "html.txt": b"<script>alert(1)</script><img src=x onerror='alert(2)'> &amp; ]]> <!--",
    "nul.txt": b"nul \0 in the middle\0",
    "bidi.txt": "\u202eright to left\u2066 and \u200b nothing".encode(),
    "plain.txt": b"a plain sentence of the ordinary kind, as most of them are",
    "long.txt": b"x" * 3_000_000,
}
REFUSED_TEXTS = {
    "latin.txt": (b"caf\xe9", "not UTF-8"),
    "utf16.txt": ("wide".encode("utf-16"), "not UTF-8"),
    "surrogate.txt": (b"lone \xed\xa0\x80 half", "not UTF-8"),
    "line.txt": (b"y" * (50 << 20), "larger than 16 MiB"),
}


def pcm(frames: int, channels: int = 1, rate_hz: int = 16_000) -> bytes:
    tone = np.rint(20_000 * np.sin(np.arange(frames) / 9)).astype("<i2")
    body = np.repeat(tone[:, None], channels, 1).tobytes()
    block = 2 * channels
    described = struct.pack("<HHIIHH", 1, channels, rate_hz, (rate_hz * block) & 0xFFFFFFFF, block, 16)
    chunks = b"fmt \x10\0\0\0" + described + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def write_hour(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 1, 1_000, 0, "NONE", ""))
        file.writeframes(bytes(3600 * 1_000))


def write_sounds(folder: Path) -> dict[str, int]:
    """-> the reasons that are owed, and how often."""
    folder.mkdir()
    good = pcm(8000)
    flac = Audio(seconds=0.5).encode(np.zeros((1, 8000), np.int16) + 99)
    nan = write_wav(np.full((1, 8000), np.nan, np.float32), 16_000)
    for name, data in {
        "good.wav": good, "stereo.wav": pcm(8000, 2), "short.wav": pcm(1), "silence.flac": flac,
        "cut.wav": good[:-100], "cut.flac": flac[: len(flac) // 2], "headless.wav": good[44:], "zero.wav": pcm(0),
        "nothing.wav": b"", "nan.wav": nan, "200.wav": pcm(400, 200), "4GHz.wav": pcm(400, 1, 4_000_000_000),
        "500kHz.wav": pcm(400, 1, 500_000),
    }.items():  # fmt: skip
        (folder / name).write_bytes(data)
    write_hour(folder / "hour.wav")
    return {
        "truncated file": 1, "no sound of a known format": 1, "no samples": 1, "empty file": 1, "not finite": 1,
        "more than 8 channels": 1, "absurd sample rate": 2, "damaged sound": 1, "longer than 10 minutes": 1,
    }  # fmt: skip


def write_texts(folder: Path) -> dict[str, int]:
    folder.mkdir()
    owed: dict[str, int] = {}
    for name, data in TEXTS.items():
        (folder / name).write_bytes(data)
    for name, (data, reason) in REFUSED_TEXTS.items():
        (folder / name).write_bytes(data)
        owed[reason] = owed.get(reason, 0) + 1
    return owed


def mlfuzz(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlfuzz", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, errors="surrogateescape")


def hidden(text: str) -> set[str]:
    """Characters that a terminal obeys, or that cannot be seen."""
    return {char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") and char not in "\n\r\t"}


@pytest.mark.parametrize("kind", ["audio", "text"])
def test_hostile_seeds_are_counted_or_handled_and_nothing_is_obeyed(kind: str, tmp_path: Path) -> None:
    (tmp_path / "hostile.py").write_text(PROJECT)
    owed = write_sounds(tmp_path / "audio") if kind == "audio" else write_texts(tmp_path / "text")
    target = f"hostile:{kind}"
    checked = mlfuzz(tmp_path, "check", target)
    assert checked.returncode == 0, checked.stderr + checked.stdout
    ran = mlfuzz(tmp_path, "fuzz", target, "--inputs", "10k", "--name", "c")
    assert ran.returncode == 1, ran.stderr
    stats = json.loads((tmp_path / ".mlfuzz" / "c" / "stats.json").read_text())
    assert owed.items() <= seeds_of(stats)["skipped"].items()
    listed = mlfuzz(tmp_path, "findings", "list")
    first = sorted(tmp_path.glob(".mlfuzz/c/findings/*/finding.json"))[0].parent.name
    shown = mlfuzz(tmp_path, "findings", "show", first)
    again = mlfuzz(tmp_path, "replay", first)
    assert again.returncode == 1, again.stderr
    for ended in (checked, ran, listed, shown, again):
        assert hidden(ended.stdout + ended.stderr) == set()
    report = (tmp_path / ".mlfuzz" / "c" / "report.html").read_text(encoding="utf-8")
    assert hidden(report) == set()
    lowered = report.lower()
    assert "<script" not in lowered
    assert "<img src=x" not in lowered


def seeds_of(value: object) -> dict[str, dict[str, int]]:
    """The statistics of the seeds, wherever they stand in the record."""
    if isinstance(value, dict):
        if "skipped" in value and "usable" in value:
            return value
        for part in value.values():
            if found := seeds_of(part):
                return found
    return {}
