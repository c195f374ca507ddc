"""Laws of every format: a file comes back as it was, changes keep checksums and limits, and pieces can be left out."""

from __future__ import annotations

import gzip
import io
import json
import struct
import subprocess
import sys
import wave
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from mlfuzz.codefuzz.corpus.ddmin import RunBudget, smallest
from mlfuzz.codefuzz.formats import FORMATS, get, simpler
from mlfuzz.codefuzz.formats.npy import MAX_ITEMS
from mlfuzz.codefuzz.formats.png import MAX_PIXELS, SIGNATURE
from mlfuzz.errors import UnknownNameError

SEEDS = Path(__file__).resolve().parents[3] / "corpus" / "seeds" / "code"

FILES = {
    "png": SEEDS / "image_pillow" / "palette.png",
    "riff": SEEDS / "wav_scipy" / "listed.wav",
    "zip": SEEDS / "npz_numpy" / "deflated.npz",
    "npy": SEEDS / "npy_numpy" / "structured.npy",
    "json": SEEDS / "text_tokenizer" / "several.json",
    "toml": SEEDS / "config_toml" / "run.toml",
    "yaml": SEEDS / "config_yaml" / "tagged.yaml",
}
CONTENTS = {name: path.read_bytes() for name, path in FILES.items()} | {
    "gzip": gzip.compress(b"line\n" * 40, mtime=0),
    "zlib": zlib.compress(b"line\n" * 40),
    "text": "words, and caf\u00e9\n".encode(),
}


def raw(seed: int) -> Callable[[bytes, int], bytes]:
    """Stands in for libFuzzer: a byte changed, put in or left out, at most so many."""
    rng = Random(seed)

    def mutate(data: bytes, size: int) -> bytes:
        at = rng.randint(0, len(data))
        return (data[:at] + rng.choice((b"", rng.randbytes(3))) + data[at + rng.randint(0, 2) :])[:size] or b"\0"

    return mutate


def mutants(name: str, count: int, *, size: int = 4096) -> Iterator[bytes]:
    for seed in range(count):
        yield FORMATS[name].mutate(CONTENTS[name], size, seed, raw(seed))


@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_taken_apart_and_joined_means_the_same(name):
    parts = FORMATS[name].parts(CONTENTS[name])
    joined = parts.join(parts.pieces)
    assert len(parts.pieces) > 1
    assert FORMATS[name].parts(joined).pieces == parts.pieces


@pytest.mark.parametrize("name", sorted(set(CONTENTS) - {"zip"}))
def test_a_whole_file_comes_back_byte_for_byte(name):
    parts = FORMATS[name].parts(CONTENTS[name])
    assert parts.join(parts.pieces) == CONTENTS[name]


@pytest.mark.parametrize("name", CONTENTS)
def test_most_mutants_differ(name):
    assert len(set(mutants(name, 150))) > 75


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("more", [-20, 0, 20])
def test_a_mutant_never_passes_its_limit(name, more):
    size = max(1, len(CONTENTS[name]) + more)
    assert max(map(len, mutants(name, 150, size=size))) <= size


@pytest.mark.parametrize("name", CONTENTS)
def test_the_same_seed_gives_the_same_mutant(name):
    assert list(mutants(name, 30)) == list(mutants(name, 30))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_any_bytes_can_be_mutated(name):
    rng = Random(1)
    for seed in range(200):
        data = rng.randbytes(rng.randrange(60))
        start = rng.choice((b"", *(content[: rng.randrange(40)] for content in CONTENTS.values())))
        assert len(FORMATS[name].mutate(start + data, 100, seed, raw(seed))) <= 100


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_files_of_other_formats_are_mutated_as_bytes(name):
    mutant = FORMATS[name].mutate(b"\xff", 10, 3, lambda data, size: b"raw")
    assert FORMATS[name].parts(b"\xff") is not None or mutant == b"raw"


@pytest.mark.parametrize("name", ["png", "riff", "zip"])
def test_every_subset_of_the_pieces_joins_to_a_file_of_the_format(name):
    parts = FORMATS[name].parts(CONTENTS[name])
    for left_out in range(len(parts.pieces)):
        kept = parts.pieces[:left_out] + parts.pieces[left_out + 1 :]
        assert FORMATS[name].parts(parts.join(kept)).pieces == kept


@pytest.mark.parametrize("name", ["png", "riff", "zip", "npy", "gzip"])
def test_simpler_files_are_found_by_content_and_are_shorter(name):
    found = list(simpler(CONTENTS[name]))
    assert found == list(FORMATS[name].simpler(CONTENTS[name]))
    assert found
    assert max(map(len, found)) < len(CONTENTS[name])


def needle(tag: bytes, data: bytes) -> bool:
    """Fails only for a file whose checksums are right and that has the needle in a compressed chunk."""
    with suppress(struct.error, zlib.error):
        for name, body, crc in chunks(data):
            if zlib.crc32(name + body) != crc:
                return False
            if name == tag and b"needle" in zlib.decompress(body[body.find(b"\0") + 2 :]):
                return True
    return False


def test_a_minimiser_with_the_pieces_gets_past_checksums():
    parts = FORMATS["png"].parts(CONTENTS["png"])
    packed = b"zTXtname\0\0" + b"hay " * 9 + b"needle" + b" hay" * 9
    data = parts.join((*parts.pieces[:1], b"tEXtkey\0text", packed, *parts.pieces[1:]))

    def keeps(candidate: bytes) -> bool:
        return candidate.startswith(b"\x89PNG") and needle(b"zTXt", candidate)

    assert keeps(data)
    without = smallest(data, keeps, RunBudget(60, tries=3000))
    assert len(smallest(data, keeps, RunBudget(60, tries=3000), hints=simpler)) < 50 < 0.6 * len(without)


def test_an_unknown_mutator_is_told_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="png"):
        get("pgn")


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    at = len(SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        (crc,) = struct.unpack_from(">I", data, at + 8 + length)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length], crc
        at += 12 + length


def test_png_mutants_have_right_checksums_except_those_changed_as_bytes():
    right = 0
    for mutant in mutants("png", 200):
        with suppress(struct.error):
            right += all(zlib.crc32(tag + body) == crc for tag, body, crc in chunks(mutant))
    assert right > 160


def test_png_mutants_declare_few_pixels():
    header = struct.pack(">II5B", 0xFFFFFFFF, 0xFFFFFFFF, 8, 2, 0, 0, 0)
    for seed in range(300):
        changed = FORMATS["png"].alter(b"IHDR" + header, Random(seed), raw(seed), 4096)
        if changed.startswith(b"IHDR") and len(changed) >= 12:
            width, height = struct.unpack_from(">II", changed, 4)
            assert width * height <= MAX_PIXELS


def test_npy_mutants_declare_few_items():
    large = CONTENTS["npy"].replace(b"'shape': (2,)", b"'shape': (999999999999, 2)")
    for seed in range(300):
        mutant = FORMATS["npy"].mutate(large, 4096, seed, lambda data, size: data)
        declared = mutant.partition(b"'shape': (")[2].partition(b")")[0]
        items = 1
        for number in (word for word in declared.replace(b",", b" ").split() if word.isdigit()):
            items *= int(number)
        assert items <= MAX_ITEMS


def test_riff_mutants_have_sizes_that_wave_can_follow():
    followed = 0
    for mutant in mutants("riff", 200):
        with suppress(wave.Error, EOFError, RuntimeError), wave.open(io.BytesIO(mutant)) as file:
            followed += file.getnframes() >= 0
    assert followed > 60


def test_zip_mutants_open_and_their_members_have_right_checksums():
    refused = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, zlib.error)
    opened = 0
    for mutant in mutants("zip", 200):
        with suppress(*refused), zipfile.ZipFile(io.BytesIO(mutant)) as archive:
            opened += archive.testzip() is None
    assert opened > 120


@pytest.mark.parametrize(("name", "unpack"), [("gzip", gzip.decompress), ("zlib", zlib.decompress)])
def test_compressed_mutants_unpack(name, unpack):
    unpacked = 0
    for mutant in mutants(name, 100):
        with suppress(zlib.error, OSError, EOFError):
            unpack(mutant)
            unpacked += 1
    assert unpacked > 80


def test_json_mutants_are_often_json():
    read = 0
    for mutant in mutants("json", 200):
        with suppress(ValueError):
            json.loads(mutant)
            read += 1
    assert read > 30


def test_formats_import_neither_numpy_nor_msgspec():
    code = "import mlfuzz.codefuzz.formats, sys; print(*{'numpy', 'msgspec', 'PIL'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []
