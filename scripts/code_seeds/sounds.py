"""Sound files: WAV by hand, the rest by libsndfile."""

from __future__ import annotations

import io
import struct

import numpy as np

Files = dict[str, bytes]


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
    long = file(form(1, 1, 2), tone)
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, len(long) - 8 + 36, len(tone), 8, 0)
    return {
        "pcm16.wav": long,
        "rf64.wav": b"RF64\xff\xff\xff\xffWAVE" + ds64 + long[12:],
        "pcm8-stereo.wav": file(form(1, 2, 1), bytes(range(120, 136))),
        "pcm24.wav": file(form(1, 1, 3), bytes(range(24))),
        "float32.wav": file(form(3, 1, 4), struct.pack("<4f", 0.0, 0.5, -0.5, 1.0)),
        "extensible.wav": file(extensible, tone),
        "listed.wav": file(form(1, 1, 2), tone, info),
        "big-endian.wav": file(form(1, 1, 2, order=">"), struct.pack(">8h", *range(8)), magic=b"RIFX"),
    }


def audio_soundfile() -> Files:
    import soundfile

    def file(kind: str, subtype: str, rate_hz: int = 8000, samples: int = 256, endian: str = "FILE") -> bytes:
        wave = 0.5 * np.sin(np.arange(samples) / 5)
        made = io.BytesIO()
        soundfile.write(made, wave, rate_hz, format=kind, subtype=subtype, endian=endian)
        return made.getvalue()

    return {
        "pcm16.wav": file("WAV", "PCM_16"),
        "ima-adpcm.wav": file("WAV", "IMA_ADPCM"),
        "ms-adpcm.wav": file("WAV", "MS_ADPCM"),
        "ulaw.au": file("AU", "ULAW"),
        "pcm16.aiff": file("AIFF", "PCM_16"),
        "pcm16.flac": file("FLAC", "PCM_16"),
        "float.w64": file("W64", "FLOAT"),
        "gsm.wav": file("WAV", "GSM610"),
    }
