"""What a sound file says about itself, read by hand: libsndfile is only given what looks like one of four formats.

libsndfile knows 26 formats and is not hardened for hostile files: 27 bytes of SDS make it print 53 MB.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mlfuzz.errors import BadInputError

FORMATS = ("WAV", "FLAC", "OGG", "MP3")
"""Told by content, never by name. Of WAV: PCM, float, A-law and mu-law."""

WAV_CODINGS = {1: (8, 16, 24, 32), 3: (32, 64), 6: (8,), 7: (8,)}
"""Format tag -> bits a sample: PCM, IEEE float, A-law, mu-law."""

EXTENSIBLE = 0xFFFE
MAX_CHUNKS = 4096
UNKNOWN_LENGTH = 0xFFFFFFFF
"""The data size of a WAV that was written to a pipe."""

MP3_KBITS = {
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates of MPEG 1 and of MPEG 2 and 2.5, layer III."""

MP3_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""Of MPEG 1, 2 and 2.5, by the version bits of a frame header."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A file that may be opened. data: without tags around it. seconds: of an MP3, counted; else 0."""

    format: str
    data: bytes
    seconds: float = 0.0


def sniff(data: bytes) -> Sound:
    """Which of the four formats these bytes are. Raises BadInputError for others, and for what is cut short."""
    if not data:
        raise BadInputError("empty file")
    if data.startswith(b"RIFF"):
        _walk_wav(data)
        return Sound("WAV", data)
    body = data[_id3_length(data) :]
    if body.startswith(b"fLaC"):
        return Sound("FLAC", body)
    if data.startswith(b"OggS"):
        _last_page(data)
        return Sound("OGG", data)
    if body[:1] == b"\xff":
        return _walk_mp3(body)
    raise BadInputError("no sound of a known format", f"read are {', '.join(FORMATS)}")


def _walk_wav(data: bytes) -> None:
    """Chunk by chunk to the samples. Raises BadInputError for other codings, or fewer samples than are announced."""
    if data[8:12] != b"WAVE":
        raise BadInputError("no sound of a known format", "RIFF, but not WAVE")
    at, described = 12, False
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            break
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        body = data[at + 8 : at + 8 + min(size, 40)]
        if name == b"fmt ":
            _check_coding(body)
            described = True
        if name == b"data":
            if not described:
                break
            if size != UNKNOWN_LENGTH and at + 8 + size > len(data):
                raise BadInputError("truncated file", f"{size} bytes of samples announced, {len(data) - at - 8} there")
            return
        at += 8 + size + size % 2
    raise BadInputError("damaged sound", "a WAV without description or samples")


def _check_coding(body: bytes) -> None:
    if len(body) < 16:
        raise BadInputError("damaged sound", "a WAV with a short description")
    tag, _, _, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if tag == EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack_from("<H", body, 24)[0]
    if bits not in WAV_CODINGS.get(tag, ()):
        raise BadInputError(
            "WAV of another coding", f"tag {tag:#x}, {bits} bits; PCM, float, A-law and mu-law are read"
        )


def _last_page(data: bytes) -> None:
    """Raises BadInputError where an Ogg file ends within a page."""
    at = data.rfind(b"OggS")
    if at + 27 <= len(data):
        table = data[at + 27 : at + 27 + data[at + 26]]
        if len(table) == data[at + 26] and at + 27 + len(table) + sum(table) <= len(data):
            return
    raise BadInputError("truncated file", "the last Ogg page is cut")


def _id3_length(data: bytes) -> int:
    """Bytes of the ID3v2 tags in front. They may hold anything, and are none of the sound."""
    at = 0
    while data[at : at + 3] == b"ID3" and at + 10 <= len(data):
        size = 0
        for byte in data[at + 6 : at + 10]:
            size = size << 7 | byte & 0x7F
        at += 10 + size + (10 if data[at + 5] & 0x10 else 0)
    return at


def _walk_mp3(data: bytes) -> Sound:
    """Frame by frame to the end or to a tag: the headers count the seconds, whatever a Xing header claims."""
    at, seconds, frames = 0, 0.0, 0
    while at + 4 <= len(data):
        size, length = _mp3_frame(data[at : at + 4])
        if not size or (not frames and size > len(data)):
            break
        if at + size > len(data):
            raise BadInputError("truncated file", "the last MP3 frame is cut")
        at, seconds, frames = at + size, seconds + length, frames + 1
    rest = data[at:]
    if frames < 2:
        raise BadInputError("no sound of a known format", f"read are {', '.join(FORMATS)}")
    if rest.strip(b"\0") and not rest.startswith((b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3", b"3DI")):
        raise BadInputError("damaged sound", f"no MP3 frame at byte {at}")
    return Sound("MP3", data[:at], seconds)


def _mp3_frame(header: bytes) -> tuple[int, float]:
    """Bytes and seconds of a layer III frame; (0, 0.0) where there is none."""
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bitrate, rate = header[2] >> 4, header[2] >> 2 & 3
    if header[0] != 0xFF or header[1] < 0xE0 or version == 1 or layer != 1 or bitrate in (0, 15) or rate == 3:
        return 0, 0.0
    rate_hz = MP3_RATES_HZ[version][rate]
    bits = 1000 * MP3_KBITS[1 if version == 3 else 2][bitrate - 1]
    samples = 1152 if version == 3 else 576
    return samples // 8 * bits // rate_hz + (header[2] >> 1 & 1), samples / rate_hz
