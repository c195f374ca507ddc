"""The audio codec: exact on its grid, and deaf to hostile files."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from mlfuzz.errors import BadInputError, ConfigError
from mlfuzz.modality.audio import Audio
from mlfuzz.modality.base import MODALITIES
from mlfuzz.modality.resample import resampled

RATE = 16000


def sine(hertz: float, seconds: float = 0.5, rate_hz: int = RATE) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate_hz)) / rate_hz)


def file_of(samples: np.ndarray, rate_hz: int = RATE, container: str = "WAV", coding: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=container, subtype=coding)
    return file.getvalue()


def signal_to_error(want: np.ndarray, have: np.ndarray) -> float:
    return float(10 * np.log10((want**2).mean() / ((want - have) ** 2).mean()))


@pytest.mark.parametrize("grid", ["int16", "float32"])
@pytest.mark.parametrize(("channels", "rate_hz"), [(1, 16000), (2, 44100), (8, 1000), (3, 384000)])
def test_a_payload_comes_back_exactly_from_its_file(grid, channels, rate_hz):
    audio = Audio(rate_hz, seconds=None, channels=channels, grid=grid)
    payload = np.random.default_rng(0).integers(-32768, 32768, (channels, 777)).astype(np.int16)
    payload[:, :2] = [-32768, 32767]
    if grid == "float32":
        payload = np.random.default_rng(1).uniform(-1, 1, (channels, 777)).astype(np.float32)
        payload[:, :3] = [-1, 1, 1e-30]
    back = audio.decode(audio.encode(payload))
    assert back.dtype == payload.dtype
    assert np.array_equal(back, payload)


@pytest.mark.parametrize("grid", ["int16", "float32"])
def test_the_same_payload_gives_the_same_bytes_which_others_read(grid):
    audio = Audio(seconds=None, grid=grid)
    payload = audio.decode(file_of(sine(440)))
    assert audio.encode(payload) == audio.encode(payload.copy())
    read, rate_hz = soundfile.read(io.BytesIO(audio.encode(payload)), dtype=grid)
    assert rate_hz == RATE
    assert np.array_equal(read, payload[0])


@pytest.mark.parametrize("length", [1, 2, 15, 17])
def test_very_short_payloads_come_back(length):
    audio = Audio(seconds=None)
    payload = np.arange(length, dtype=np.int16)[None] - 3
    assert np.array_equal(audio.decode(audio.encode(payload)), payload)


@pytest.mark.parametrize(
    ("container", "coding", "floor_db"),
    [
        ("WAV", "PCM_U8", 35), ("WAV", "PCM_24", 80), ("WAV", "DOUBLE", 80), ("WAV", "ULAW", 30),
        ("WAVEX", "PCM_16", 80),
        ("FLAC", "PCM_24", 80), ("OGG", "VORBIS", 20), ("OGG", "OPUS", 15), ("MP3", "MPEG_LAYER_III", 20),
    ],
)  # fmt: skip
def test_four_formats_are_read_and_keep_their_length_and_time(container, coding, floor_db):
    wave = sine(440)
    payload = Audio(seconds=None).decode(file_of(wave, RATE, container, coding))
    assert payload.shape == (1, len(wave))
    middle = slice(1000, -1000)
    assert signal_to_error(wave[middle], payload[0, middle] / 32768) > floor_db


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000, 96000])
def test_a_sine_survives_conversion_of_the_sample_rate(rate_hz):
    hertz = 0.4 * min(rate_hz, RATE)
    converted = resampled(sine(hertz, rate_hz=rate_hz)[None], rate_hz, RATE)
    assert converted.shape == (1, RATE // 2)
    assert signal_to_error(sine(hertz)[800:-800], converted[0, 800:-800]) > 90


def test_what_lies_above_the_new_nyquist_frequency_is_gone():
    converted = resampled(sine(9000, rate_hz=48000)[None], 48000, RATE)
    assert np.abs(converted[0, 800:-800]).max() < 1e-4


def test_rates_without_a_common_divisor_are_converted_with_few_filters():
    converted = resampled(sine(440, rate_hz=44101)[None], 44101, RATE)
    assert signal_to_error(sine(440)[800:-800], converted[0, 800 : RATE // 2 - 800]) > 60


def test_conversion_does_not_see_where_blocks_meet():
    wave = np.random.default_rng(0).standard_normal((1, 30000))
    whole = resampled(wave, 8000, RATE)
    part = resampled(wave[:, 8000:], 8000, RATE)
    assert np.allclose(whole[0, 16200:], part[0, 200:], rtol=0, atol=1e-12)


def test_channels_are_mixed_to_their_mean_and_copied():
    left, right = sine(300), sine(700)
    stereo = file_of(np.stack([left, right], 1), coding="FLOAT")
    mono = Audio(seconds=None, grid="float32").decode(stereo)
    assert np.allclose(mono[0], (left + right) / 2, atol=1e-6)
    assert Audio(seconds=None, channels=2).decode(stereo).shape == (2, len(left))
    four = Audio(seconds=None, channels=4, grid="float32").decode(stereo)
    assert np.array_equal(four, np.repeat(mono, 4, axis=0))


def test_a_fixed_length_cuts_and_fills():
    short, long = Audio(seconds=0.1).decode(file_of(sine(440))), Audio(seconds=0.7).decode(file_of(sine(440)))
    assert short.shape == (1, 1600)
    assert long.shape == (1, 11200)
    assert np.array_equal(short[0], long[0, :1600])
    assert not long[0, 8000:].any()


def test_cutting_before_and_after_conversion_gives_the_same_samples():
    file = file_of(np.random.default_rng(0).uniform(-0.5, 0.5, 44100), 44100)
    whole = Audio(seconds=None).decode(file)
    assert np.array_equal(Audio(seconds=0.25).decode(file), whole[:, :4000])


def test_another_length_is_refused_where_so_declared():
    audio = Audio(seconds=0.5, fit="refuse")
    assert audio.decode(file_of(sine(440))).shape == (1, 8000)
    for seconds in (0.4, 0.6):
        with pytest.raises(BadInputError, match="another length"):
            audio.decode(file_of(sine(440, seconds)))


def test_too_loud_floats_are_clipped_to_the_grid():
    loud = file_of(np.asarray([2.0, -2.0, 1.0, -1.0, 0.5]), coding="FLOAT")
    assert Audio(seconds=None).decode(loud)[0].tolist() == [32767, -32768, 32767, -32768, 16384]
    assert Audio(seconds=None, grid="float32").decode(loud)[0].tolist() == [1.0, -1.0, 1.0, -1.0, 0.5]


def wav_of(channels: int = 1, rate_hz: int = RATE, tag: int = 1, bits: int = 16, samples: int = 100) -> bytes:
    width = channels * bits // 8
    body = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * width & 0xFFFFFFFF, width, bits)
    data = b"fmt \x10\0\0\0" + body + b"data" + struct.pack("<I", samples * width) + bytes(samples * width)
    return b"RIFF" + struct.pack("<I", 4 + len(data)) + b"WAVE" + data


def flac_of_length(frames: int) -> bytes:
    """A FLAC whose header announces another number of frames (36 bits, at byte 21)."""
    file = bytearray(file_of(np.zeros(100), container="FLAC"))
    file[21:26] = bytes([file[21] & 0xF0 | frames >> 32]) + struct.pack(">I", frames & 0xFFFFFFFF)
    return bytes(file)


BAD = {
    "empty file": [b""],
    "no sound of a known format": [
        b"RIFF\x10\0\0\0AVI LIST",
        b"\x89PNG\r\n\x1a\n",
        b"\xf0\x7e\x00\x01" + bytes(23),  # SDS: libsndfile prints 53 MB for 27 such bytes
        b"FORM\0\0\0\x10AIFFCOMM",
        b"\xff\xfb\x90\x00" + bytes(100),
        b"ID3\x04\0\0\x7f\x7f\x7f\x7f",
    ],
    "truncated file": [
        file_of(sine(440))[:-100],
        file_of(sine(440), container="MP3", coding="MPEG_LAYER_III")[:-20],
        file_of(sine(440), container="OGG", coding="VORBIS")[:-100],
        file_of(sine(440), container="OGG", coding="OPUS")[:-100],
    ],
    "damaged sound": [
        wav_of()[:20],
        b"RIFF\x10\0\0\0WAVEdata\0\0\0\0",
        b"RIFF\x10\0\0\0WAVE" + b"LIST\0\0\0\0" * 9000,
        file_of(sine(440), container="FLAC")[:-100],
        b"fLaC" + bytes(40),
    ],
    "no samples": [file_of(np.zeros(0)), wav_of(samples=0)],
    "not finite": [file_of(np.full(100, np.nan), coding="FLOAT"), file_of(np.full(9, -np.inf), coding="DOUBLE")],
    "more than 8 channels": [wav_of(channels=200)],
    "absurd sample rate": [wav_of(rate_hz=1), wav_of(rate_hz=2_000_000_000)],
    "WAV of another coding": [
        wav_of(tag=0x31, bits=0),
        wav_of(bits=3),
        file_of(sine(440), coding="IMA_ADPCM"),
        file_of(sine(440), coding="NMS_ADPCM_16"),
    ],
    "longer than 10 minutes": [flac_of_length(3600 * RATE), flac_of_length((1 << 36) - 1)],
    "length not in the header": [flac_of_length(0)],
}


@pytest.mark.parametrize(
    ("reason", "data"), [pytest.param(k, d, id=f"{k} {i}") for k, many in BAD.items() for i, d in enumerate(many)]
)
@pytest.mark.parametrize("audio", [Audio(), Audio(seconds=None, grid="float32")], ids=["fixed", "ragged"])
def test_a_bad_file_is_refused_with_a_reason_and_without_a_word(audio, reason, data, capfd):
    with pytest.raises(BadInputError) as caught:
        audio.decode(data)
    if not (reason == "damaged sound" and data.startswith(b"fLaC")):
        assert caught.value.reason == reason
    assert capfd.readouterr() == ("", "")


def test_bytes_at_random_places_are_read_or_refused_and_nothing_is_printed(capfd):
    rng = np.random.default_rng(0)
    files = [
        file_of(sine(440, 0.1), container=container, coding=coding)
        for container, coding in [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")]
    ]
    read = 0
    for at in range(400):
        data = bytearray(files[at % 4])
        for _ in range(int(rng.integers(1, 5))):
            data[int(rng.integers(0, len(data)))] = int(rng.integers(0, 256))
        try:
            payload = Audio().decode(bytes(data))
        except BadInputError:
            continue
        read += 1
        assert payload.shape == (1, RATE)
    assert 0 < read < 400
    assert capfd.readouterr() == ("", "")


def test_of_a_long_file_only_what_is_needed_is_unpacked():
    file = file_of(np.zeros(500 * 1000), 1000, container="FLAC")
    assert Audio(48000, seconds=1.0).decode(file).shape == (1, 48000)
    with pytest.raises(BadInputError, match="32 Mi samples"):
        Audio(384_000, seconds=None, channels=8).decode(file)


def test_a_tag_before_an_mp3_is_skipped_whatever_it_holds():
    mp3 = file_of(sine(440), container="MP3", coding="MPEG_LAYER_III")
    tagged = b"ID3\x04\0\0\0\0\0\x64" + b"COMM" + b"\xff" * 96 + mp3 + b"TAG" + bytes(125)
    assert np.array_equal(Audio().decode(tagged), Audio().decode(mp3))


@pytest.mark.parametrize(
    "payload",
    [
        "text", np.zeros(8000, np.int16), np.zeros((1, 8000), np.float32), np.zeros((2, 8000), np.int16),
        np.zeros((1, 7999), np.int16), np.zeros((1, 0), np.int16),
    ],
)  # fmt: skip
def test_what_is_no_payload_is_not_written(payload):
    with pytest.raises(BadInputError, match="not a payload"):
        Audio(seconds=0.5).encode(payload)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.5])
def test_a_float_payload_outside_the_range_is_not_written(value):
    with pytest.raises(BadInputError, match=r"lies in \[-1, 1\]"):
        Audio(seconds=None, grid="float32").encode(np.full((1, 10), value, np.float32))


@pytest.mark.parametrize("audio", [Audio(), Audio(44100, seconds=None, channels=2, grid="float32", fit="refuse")])
def test_a_description_gives_an_equal_modality(audio):
    assert MODALITIES.get("audio")(**audio.describe()) == audio


@pytest.mark.parametrize(
    "arguments",
    [
        {"sample_rate_hz": 10}, {"sample_rate_hz": 16000.5}, {"sample_rate_hz": 10**6}, {"seconds": 0},
        {"seconds": -1.0},
        {"seconds": float("nan")}, {"seconds": 1e-6}, {"seconds": 601}, {"channels": 0}, {"channels": 9},
        {"grid": "int24"}, {"fit": "stretch"}, {"sample_rate_hz": 384000, "seconds": 600},
    ],
)  # fmt: skip
def test_a_shape_that_makes_no_sense_is_refused(arguments):
    with pytest.raises(ConfigError):
        Audio(**arguments)


def wide(samples: bytes, *, said: int | None = None, magic: bytes = b"RF64", size: int = 0xFFFFFFFF) -> bytes:
    """A WAV whose sizes stand in a ds64 chunk."""
    sizes = struct.pack("<QQQI", 100 + len(samples), len(samples) if said is None else said, len(samples) // 2, 0)
    form = struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16)
    chunks = b"ds64" + struct.pack("<I", len(sizes)) + sizes + b"fmt " + struct.pack("<I", len(form)) + form
    return magic + b"\xff\xff\xff\xffWAVE" + chunks + b"data" + struct.pack("<I", size) + samples


@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
@pytest.mark.parametrize("size", [0xFFFFFFFF, 1600])
def test_a_wav_of_64_bit_sizes_gives_the_samples_that_a_plain_one_gives(magic, size):
    samples = np.random.default_rng(0).integers(-9000, 9000, 800, np.int16)
    data = wide(samples.tobytes(), magic=magic, size=size)
    assert np.array_equal(Audio(seconds=0.05).decode(data), samples[None])


def test_a_wav_of_64_bit_sizes_that_says_more_than_there_is_is_cut_short():
    for said in (1602, 1 << 40):
        with pytest.raises(BadInputError, match="truncated file"):
            Audio().decode(wide(bytes(1600), said=said))
    with pytest.raises(BadInputError, match="damaged sound"):
        Audio().decode(b"RF64\xff\xff\xff\xffWAVEfmt ")


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0x80000000, 0x7FFFF000, 0xFFFFFFFF])
def test_a_recorder_that_was_killed_has_left_samples_up_to_the_end_of_the_file(size):
    samples = np.random.default_rng(0).integers(-9000, 9000, 800, np.int16)
    data = wide(samples.tobytes(), size=size).replace(b"RF64\xff\xff\xff\xffWAVEds64", b"RIFF\x00\x00\x00\x00WAVEJUNK")
    for end in (b"", b"\x01"):
        assert np.array_equal(Audio(seconds=0.05).decode(data + end), samples[None])


@pytest.mark.parametrize("kind", ["AIFF", "AU", "CAF", "W64"])
def test_a_sound_of_another_format_is_refused_with_the_line_that_writes_it_as_one_of_ours(kind):
    file = io.BytesIO()
    soundfile.write(file, np.zeros(800), 16000, format=kind, subtype="PCM_16")
    with pytest.raises(BadInputError, match=r"no sound of a known format: .*; write it once more: ffmpeg"):
        Audio().decode(file.getvalue())
