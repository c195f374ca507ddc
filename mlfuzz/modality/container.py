"""What a sound file says about itself, read by hand: libsndfile is only given what looks like one of four formats.

libsndfile knows 26 formats and is not hardened for hostile files: 27 bytes of SDS make it print 53 MB.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mlfuzz.errors import BadInputError

FORMATS = ("WAV", "FLAC", "OGG", "MP3")
"""Told by content, never by name. Of WAV: PCM, float, A-law and mu-law."""

WAV_CODINGS = {1: (8, 16, 24, 32), 3: (32, 64), 6: (8,), 7: (8,)}
"""Format tag -> bits a sample: PCM, IEEE float, A-law, mu-law."""

EXTENSIBLE = 0xFFFE

MAX_CHANNELS = 8
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 384_000

UNSAID = "length not in the header"
MAX_CHUNKS = 4096
UNKNOWN_LENGTH = 0xFFFFFFFF
"""The data size of a WAV that was written to a pipe."""

PLANNED_LENGTH = 0x7FFF0000
"""A data size from here on is what a recorder would have written at most: nobody reads so large a file."""

WIDE = (b"RF64", b"BW64")
"""A WAV whose sizes have 64 bits (EBU Tech 3306, ITU-R BS.2088): they stand in a chunk of their own, the first."""

OTHERS = (b"FORM", b"riff", b"caff", b".snd", b"RIFX", b"wvpk", b"MAC ")
"""AIFF, W64, CAF, AU, big-endian WAV, WavPack, Monkey's Audio: sounds all the same."""

AGAIN = "write it once more: ffmpeg -i OLD NEW.wav"

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
    if data.startswith(WIDE):
        data = _narrowed(data)
    if data.startswith(b"RIFF"):
        return Sound("WAV", _walk_wav(data))
    body = data[_id3_length(data) :]
    if body.startswith(b"fLaC"):
        return Sound("FLAC", body)
    if data.startswith(b"OggS"):
        _last_page(data)
        return Sound("OGG", data)
    if body[:1] == b"\xff":
        return _walk_mp3(body)
    again = AGAIN if data.startswith(OTHERS) or data[4:8] == b"ftyp" else ""
    raise BadInputError("no sound of a known format", f"read are {', '.join(FORMATS)}", remedy=again)


def _walk_wav(data: bytes) -> bytes:
    """Chunk by chunk to the samples; the same file, with their true length where its header does not say it.

    Raises BadInputError for other codings, or fewer samples than are announced.
    """
    if data[8:12] != b"WAVE":
        raise BadInputError("no sound of a known format", "RIFF, but not WAVE")
    frame = 0
    for name, size, at in _chunks(data, 12):
        if name == b"fmt ":
            frame = _check_coding(data[at : at + min(size, 40)])
        if name == b"data":
            if not frame:
                break
            there = len(data) - at
            if size >= PLANNED_LENGTH or (not size and there and not _chunks_fill(data, at)):
                return _as_long_as_it_is(data, at, there - there % frame)
            if size > there:
                raise BadInputError("truncated file", f"{size} bytes of samples announced, {there} there")
            return data
    raise BadInputError("damaged sound", "a WAV without description or samples")


def _as_long_as_it_is(data: bytes, at: int, length: int) -> bytes:
    """What a stream or a killed recorder leaves: samples to the end of the file."""
    size = struct.pack("<I", at - 8 + length)
    return data[:4] + size + data[8 : at - 4] + struct.pack("<I", length) + data[at : at + length]


def _narrowed(data: bytes) -> bytes:
    """A WAV of 64-bit sizes as one of 32 bits, which has room for every file that is read."""
    if data[12:16] != b"ds64" or len(data) < 48:
        raise BadInputError("damaged sound", "a WAV of 64-bit sizes without them")
    length = struct.unpack_from("<Q", data, 28)[0]
    narrow = b"RIFF" + data[4:12] + b"JUNK" + data[16:]
    at = next((at for name, size, at in _chunks(data, 12) if name == b"data" and size == UNKNOWN_LENGTH), 0)
    if not at:  # a small one may say its sizes as any WAV does
        return narrow
    if at + length > len(data):
        raise BadInputError("truncated file", f"{length} bytes of samples announced, {len(data) - at} there")
    return narrow[: at - 4] + struct.pack("<I", length) + narrow[at:]


def _chunks_fill(data: bytes, at: int) -> bool:
    """Whether whole chunks follow from here to the end: then nothing else does."""
    end = at
    for name, size, body in _chunks(data, at):
        if not name.isascii() or not name.decode().isprintable():
            return False
        end = body + size
    return len(data) - end in (0, 1)


def _chunks(data: bytes, at: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, size and place of the chunks from here on, the first MAX_CHUNKS of them."""
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            return
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        yield name, size, at + 8
        at += 8 + size + size % 2


def _check_coding(body: bytes) -> int:
    """Bytes of a sample of all channels. Raises BadInputError."""
    if len(body) < 16:
        raise BadInputError("damaged sound", "a WAV with a short description")
    tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if tag == EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack_from("<H", body, 24)[0]
    if bits not in WAV_CODINGS.get(tag, ()):
        raise BadInputError(
            "WAV of another coding", f"tag {tag:#x}, {bits} bits; PCM, float, A-law and mu-law are read", remedy=AGAIN
        )
    refuse_shape(channels, rate_hz)  # libsndfile says of some only that they are damaged
    return int(channels * bits // 8)


def refuse_shape(channels: int, rate_hz: int) -> None:
    """Raises BadInputError where no model hears so many channels, or at such a rate."""
    if not 1 <= channels <= MAX_CHANNELS:
        advice = "mix it down: ffmpeg -i OLD -ac 1 NEW.wav" if channels else ""
        raise BadInputError(
            f"more than {MAX_CHANNELS} channels" if channels else "no channel", str(channels), remedy=advice
        )
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise BadInputError("absurd sample rate", f"{rate_hz} Hz; from 1 to 384 kHz are read")


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
