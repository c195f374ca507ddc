"""Laws of every format: a file comes back as it was, changes keep checksums and limits, and pieces can be left out."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import pickle
import pickletools
import struct
import subprocess
import sys
import tarfile
import tomllib
import wave
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import numpy
import pytest
from faults.drawn import drawn
from PIL import Image
from safetensors import deserialize

from mlfuzz.cli.verbs import format_seeds
from mlfuzz.codefuzz.corpus.ddmin import RunBudget, smallest
from mlfuzz.codefuzz.formats import FORMATS, get, simpler, sniffed, tree
from mlfuzz.codefuzz.formats.npy import MAX_ITEMS
from mlfuzz.codefuzz.formats.part import MOST_PARTS
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
    "xml": format_seeds.xml_files()["feed.xml"],
    "tar": format_seeds.tar(**{"a.txt": b"text " * 30, "b/c": b"more", "d": b""}),
    "pdf": format_seeds.pdf_files()["packed.pdf"],
    "safetensors": format_seeds.safetensors_files()["two.safetensors"],
    "protobuf": format_seeds.protobuf_files()["nested.pb"],
    "pickle": pickle.dumps({"a": [1, 2.5, b"x"], "b": (True, None), "c": {"d": "text"}}, 2),
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
    assert parts.pieces
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


EVERY = {
    **{f"{name} of a seed": (name, content) for name, content in CONTENTS.items()},
    "npz in a gzip": ("gzip", gzip.compress(CONTENTS["zip"], mtime=0)),
    "crlf toml": ("toml", b"a = [1,\r\n 2]\r\n[b]\r\nc = \"\"\"x\r\n=\r\n\"\"\"\r\n"),
    "yaml flows": ("yaml", b"a: {b: [1, {c: d}], e: 'f: g'}\n- - x: y\n  z: |\n    t\n"),
    "unclosed json": ("json", b'{"a": [1, {"b": "c'), "odd brackets": ("json", b"]}[,,{:}{,[:]"),
    "unclosed xml": ("xml", b"<a><b></a></b><c"), "words": ("json", b"1 [2] 3 {4} 5"), "quotes": ("json", b'"\\"" "'),
    "pdf without a table": ("pdf", b"%PDF-1 1 0 obj << /A [ 1 0 R ] >> endobj"), "pdf alone": ("pdf", b"%PDF-1.4"),
    "lists in lists": ("riff", format_seeds.wav(1, 1) + b"LIST\x0e\0\0\0INFOISFT\x02\0\0\0xy"),
}  # fmt: skip


@pytest.mark.parametrize("case", EVERY)
def test_a_tree_is_written_byte_for_byte_as_it_was(case):
    name, content = EVERY[case]
    assert tree(content, FORMATS[name]).written() == content


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_whatever_the_bytes_a_tree_is_written_as_they_were(name):
    rng = Random(name)
    starts = [content for content in CONTENTS.values() if len(content) < 700]
    for _ in range(15):
        start = bytearray(rng.choice(starts)[: rng.randrange(500)])
        for _ in range(rng.randrange(4)):
            start[rng.randrange(len(start) + 1) : rng.randrange(len(start) + 1)] = rng.randbytes(rng.randrange(3))
        data = bytes(start) + rng.randbytes(rng.randrange(9))
        assert tree(data, FORMATS[name]).written() == data


def read_yaml(data: bytes) -> object:
    return pytest.importorskip("yaml", reason="pip install 'mlfuzz[harnesses]'").safe_load(data)


def read_message(data: bytes) -> object:
    return pytest.importorskip("google.protobuf.empty_pb2", reason="comes with onnx").Empty.FromString(data)


def read_wave(data: bytes) -> int:
    with wave.open(io.BytesIO(data)) as file:
        return file.getnframes()


def read_tar(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        return archive.getnames()


def read_pdf(data: bytes) -> list[int]:
    """Objects, by the table alone; none is elsewhere than it says."""
    table = data[int(data.rpartition(b"startxref\n")[2].split()[0]) :]
    rows = [int(row[:10]) for row in table.split(b"\n") if row.endswith(b" n ")]
    assert table.startswith(b"xref")
    assert all(b" obj" in data[place : place + 16] for place in rows)
    return rows


PARSERS: dict[str, tuple[float, Callable[[bytes], object]]] = {
    "json": (0.8, json.loads), "xml": (0.45, ElementTree.fromstring), "text": (0.9, bytes.hex),
    "toml": (0.6, lambda data: tomllib.loads(data.decode())), "yaml": (0.55, read_yaml),
    "zip": (0.85, lambda data: zipfile.ZipFile(io.BytesIO(data)).testzip()),
    "png": (0.4, lambda data: Image.open(io.BytesIO(data)).load()),
    "riff": (0.6, read_wave),
    "npy": (0.1, lambda data: numpy.load(io.BytesIO(data), allow_pickle=False)),
    "safetensors": (0.3, deserialize), "gzip": (0.9, gzip.decompress), "zlib": (0.9, zlib.decompress),
    "protobuf": (0.8, read_message), "pickle": (0.4, lambda data: list(pickletools.genops(data))),
    "tar": (0.8, read_tar),
    "pdf": (0.8, read_pdf),
}  # fmt: skip
"""What part of the mutants by structure each takes at least; every word of a header counts in npy and safetensors."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PARSERS)
def test_most_mutants_of_a_files_structure_are_taken_by_somebody_elses_parser(name):
    share, parse = PARSERS[name]
    form = dataclasses.replace(FORMATS[name], raw_share=0.0, deep_share=float(FORMATS[name].deep_share > 0))
    parse(CONTENTS[name])
    taken = 0
    for seed in range(60):
        with suppress(Exception):
            parse(form.mutate(CONTENTS[name], 1 << 14, seed, raw(seed)))
            taken += 1
    assert taken >= share * 60


def test_the_laws_hold_for_every_format():
    assert set(PARSERS) == set(CONTENTS) == {form.name for form in FORMATS.values()} - {"auto"}


@pytest.mark.parametrize("name", sorted(set(CONTENTS) - {"text", "toml", "yaml", "zlib", "protobuf"}))
def test_simpler_files_are_found_by_content(name):
    assert sniffed(CONTENTS[name]).name == name
    declared, found = simpler(CONTENTS[name], FORMATS[name]), simpler(CONTENTS[name])
    assert [next(found) for _ in range(9)] == [next(declared) for _ in range(9)]


@pytest.mark.parametrize("name", CONTENTS)
def test_there_are_simpler_files_and_walking_them_ends(name):
    found = list(simpler(CONTENTS[name], FORMATS[name]))
    assert min(map(len, found)) < len(CONTENTS[name])
    assert len(found) < 40 * len(CONTENTS[name])


NEEDY = {"npy": 0.02, "safetensors": 0.02, "png": 0.1, "pickle": 0.1}
"""Formats of which a file has few parts that can be spared."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(set(PARSERS) - {"text"}))
def test_simpler_files_are_taken_by_somebody_elses_parser(name):
    _, parse = PARSERS[name]
    found = [one for one in simpler(CONTENTS[name], FORMATS[name]) if len(one) < len(CONTENTS[name])][:40]
    taken = 0
    for one in found:
        with suppress(Exception):
            parse(one)
            taken += 1
    assert taken >= NEEDY.get(name, 0.25) * len(found)


MANY = 120_000
QUOTES = b"'" * 3
HOSTILE = {
    "brackets": ("json", b"[" * MANY), "objects": ("json", b'{"a":' * MANY), "commas": ("json", b"[" + b"," * MANY),
    "quotes": ("json", b'"\\"' * MANY), "elements": ("xml", b"<a>" * MANY), "comments": ("xml", b"<!--" * MANY),
    "less": ("xml", b"<" * MANY), "attributes": ("xml", b"<a" + b" a='" * MANY + b">"),
    "indents": ("yaml", b"\n".join(b" " * one + b"a:" for one in range(400))), "flows": ("yaml", b"- {" * MANY),
    "tables": ("toml", b"[a]\n" * MANY), "strings": ("toml", QUOTES * MANY), "arrays": ("toml", b"a=[" * MANY),
    "objects of pdf": ("pdf", b"%PDF-1 " + b"1 0 obj " * MANY), "digits": ("pdf", b"%PDF-1 " + b"1" * MANY),
    "streams": ("pdf", b"%PDF-1 1 0 obj" + b"stream\n" * MANY), "spaces": ("pdf", b"%PDF-1 1" + b" " * MANY),
    "dictionaries": ("pdf", b"%PDF-1 1 0 obj" + b"<<" * MANY), "messages": ("protobuf", b"\x0a\x7f" * MANY),
    "nested messages": ("protobuf", bytes([10, 0x80 | 100, 1]) * MANY), "opcodes": ("pickle", b"(" * MANY),
    "chunks": ("png", SIGNATURE + bytes(12) * MANY), "zeros": ("tar", bytes(257) + b"ustar" + bytes(MANY)),
    "lists": ("riff", b"RIFF\0\0\0\0WAVE" + b"LIST\4\0\0\0abcd" * MANY),
    "a bomb": ("gzip", gzip.compress(bytes(1 << 24), mtime=0)),
    "bombs in bombs": ("gzip", gzip.compress(gzip.compress(gzip.compress(bytes(1 << 20))), mtime=0)),
    "members": ("zip", b"PK\1\2" * MANY + b"PK\5\6" + bytes(18)), "words": ("text", b"a\n" * MANY),
    "a header": ("safetensors", (1 << 60).to_bytes(8, "little") + b"{" * MANY),
    "an npy header": ("npy", b"\x93NUMPY\2\0" + MANY.to_bytes(4, "little") + b"(" * MANY),
}  # fmt: skip


LARGE = [pytest.param(case, 1 << 17, marks=pytest.mark.slow) for case in drawn(list(HOSTILE), 12)]


@pytest.mark.parametrize(("case", "size"), [*((case, 1 << 12) for case in drawn(list(HOSTILE), 6)), *LARGE])
def test_hostile_files_are_walked_in_few_steps_and_within_the_stack(case, size):
    """Counted in calls, not in seconds: a busy machine changes those."""
    name, data = HOSTILE[case][0], HOSTILE[case][1][:size]
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        walked = tree(data, FORMATS[name])
    finally:
        sys.setprofile(None)
    assert walked.written() == data
    assert calls < 150 * MOST_PARTS
    assert all(len(one) for one, _ in zip(simpler(data, FORMATS[name]), range(3), strict=False) if one)
    assert FORMATS[name].mutate(data, 4096, 1, raw(1))


def test_files_beyond_a_size_are_left_to_bytes():
    assert tree(b"[" * 1_000_000, FORMATS["json"]).join is None
    assert list(simpler(b"[" * 1_000_000, FORMATS["json"])) == []


def test_mutating_leaves_the_tree_that_is_kept_as_it_was():
    for name, content in CONTENTS.items():
        form = dataclasses.replace(FORMATS[name], raw_share=0.0, deep_share=1.0)
        first = [form.mutate(content, 4096, seed, raw(seed)) for seed in range(40)]
        assert first == [form.mutate(content, 4096, seed, raw(seed)) for seed in range(40)]


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
