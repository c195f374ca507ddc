"""Seeds as people keep them: each source is taken whole, or what is left out of it is counted with its reason."""

from __future__ import annotations

import csv
import io
import json
import struct
import sys
import tarfile
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image as Pillow

import mlfuzz
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.errors import ConfigError, SeedError
from mlfuzz.modality.audio import Audio
from mlfuzz.modality.base import Modality
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text
from zoo.line import run, walk

LABELS = ("cat", "dog")
EACH = {"cat": 3, "dog": 3}
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 255, (6, 8, 8), np.uint8)
OWNERS = ["cat"] * 3 + ["dog"] * 3
NUMBERS = np.repeat([0, 1], 3)
TEXTS = [f"what {who} number {at} says, at some length" for at, who in enumerate(OWNERS)]
WAVES = (9000 * np.sin(np.arange(400) * np.linspace(0.1, 0.6, 6)[:, None])).astype(np.int16)

PICTURE = Image(size=(8, 8))
COLOUR = Image(size=(8, 8), channels=3)
SOUND = Audio(sample_rate_hz=8000, seconds=0.05)
TEXT = Text(max_chars=200)


@dataclass(frozen=True)
class Source:
    """make: puts it into an empty folder; where it is. labels: how many of each. skipped: reason -> how many.

    said: parts of warnings, each of which one has; none is given besides where it is empty.
    """

    make: Callable[[Path], Path]
    modality: Modality = PICTURE
    labels: dict[str | None, int] = field(default_factory=lambda: dict(EACH))
    skipped: dict[str, int] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    known: Sequence[str] = LABELS


def png(at: int, form: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(PIXELS[at]).save(file, form, **options)
    return file.getvalue()


def put(files: dict[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def six(pattern: str = "{who}/{at}.png", suffix: str = "PNG") -> dict[str, bytes]:
    return {pattern.format(who=who, at=at): png(at, suffix) for at, who in enumerate(OWNERS)}


def folder(files: dict[str, bytes], **more: Any) -> Source:
    return Source(lambda there: put(files, there), **more)


def labelled(table: str | bytes, name: str = "labels.csv", pattern: str = "{at}.png", **more: Any) -> Source:
    """Six pictures of which the table alone knows the labels."""
    content = table if isinstance(table, bytes) else table.encode()
    return folder({**six(pattern), name: content}, **more)


def lines(line: str, head: str = "file,label", end: str = "\n") -> str:
    return end.join([*([head] if head else []), *(line.format(at=at, who=who) for at, who in enumerate(OWNERS))]) + end


def array(name: str, **arrays: Any) -> Callable[[Path], Path]:
    def make(there: Path) -> Path:
        np.savez(there / name, **arrays)
        return there / name

    return make


def npy(array: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def stack(**more: Any) -> Source:
    """An npz of x and y, unless said otherwise."""
    options = {name: more.pop(name) for name in list(more) if name in Source.__dataclass_fields__}
    return Source(array("set.npz", **more), **options)


def linked(make: Callable[[Path], Path]) -> Source:
    return Source(make, said=("out of the folder, and",))


def links_to_files(there: Path) -> Path:
    put(six("store/{at}"), there)
    for at, who in enumerate(OWNERS):
        (there / "set" / who).mkdir(parents=True, exist_ok=True)
        (there / "set" / who / f"{at}.png").symlink_to(there / "store" / str(at))
    return there / "set"


def links_to_folders(there: Path) -> Path:
    put(six("store/{who}/{at}.png"), there)
    (there / "set").mkdir()
    for who in LABELS:
        (there / "set" / who).symlink_to(there / "store" / who)
    return there / "set"


def link_to_the_whole(there: Path) -> Path:
    put(six("store/{who}/{at}.png"), there)
    (there / "set").symlink_to("store")
    return there / "set"


def links_in_a_ring(there: Path) -> Path:
    put(six(), there)
    (there / "cat" / "up").symlink_to("..")
    (there / "dog" / "again").symlink_to("../cat")
    return there


def zipped(files: dict[str, bytes], there: Path, name: str = "set.zip") -> Path:
    with zipfile.ZipFile(there / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in files.items():
            archive.writestr(member, content)
    return there / name


def tarred(files: dict[str, bytes], there: Path, name: str = "set.tar", mode: str = "w") -> Path:
    with tarfile.open(there / name, mode) as archive:  # type: ignore[call-overload]
        for member, content in files.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return there / name


def zips(files: dict[str, bytes], **more: Any) -> Source:
    return Source(lambda there: zipped(files, there), **more)


def tars(files: dict[str, bytes], name: str = "set.tar", mode: str = "w", **more: Any) -> Source:
    return Source(lambda there: tarred(files, there, name, mode), **more)


def shard() -> dict[str, bytes]:
    files = {}
    for at in range(6):
        files |= {f"{at:06d}.png": png(at), f"{at:06d}.cls": str(NUMBERS[at]).encode()}
    return files


def tar_with_links(there: Path) -> Path:
    path = tarred(six(), there)
    with tarfile.open(path, "a") as archive:
        for name, to in (("cat/same.png", "0.png"), ("dog/out.png", "/etc/hostname"), ("dog/none.png", "gone")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, to
            archive.addfile(info)
    return path


def shards_in_a_folder(there: Path) -> Path:
    """A shard a label, whose name it is."""
    for who in LABELS:
        tarred({f"{at}.png": png(at) for at, owner in enumerate(OWNERS) if owner == who}, there, f"{who}.tar")
    return there


def texts(name: str, content: str | bytes, **more: Any) -> Source:
    data = content if isinstance(content, bytes) else content.encode()
    return Source(lambda there: put({name: data}, there) / name, modality=TEXT, **more)


def table(rows: Sequence[Sequence[object]], head: Sequence[str] = (), **dialect: Any) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, **dialect)
    writer.writerows([head] if head else [])
    writer.writerows(rows)
    return file.getvalue()


def sentences(head: Sequence[str] = ("text", "label"), **dialect: Any) -> str:
    return table(list(zip(TEXTS, OWNERS, strict=True)), head, **dialect)


def jsonl(rows: Sequence[object]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def wave(at: int, form: str, coding: str, channels: int = 1) -> bytes:
    file = io.BytesIO()
    samples = np.tile(WAVES[at, :, None], (8, channels)) if form in ("OGG", "MP3") else WAVES[at, :, None]
    soundfile.write(file, np.repeat(samples, channels, 1) if form == "WAV" else samples, 8000, format=form,
                    subtype=coding)  # fmt: skip
    return file.getvalue()


def sounds(form: str, coding: str, suffix: str) -> Source:
    files = {f"{who}/{at}.{suffix}": wave(at, form, coding) for at, who in enumerate(OWNERS)}
    return folder(files, modality=SOUND)


def endless(size: int) -> Source:
    """WAVs whose header does not say how long they are."""
    files = {}
    for at, who in enumerate(OWNERS):
        form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
        data = b"RIFF" + struct.pack("<I", size) + b"WAVEfmt " + struct.pack("<I", 16) + form
        files[f"{who}/{at}.wav"] = data + b"data" + struct.pack("<I", size) + WAVES[at].tobytes()
    return folder(files, modality=SOUND)


CAFE = ("caf\u00e9", "dog")
DECOMPOSED = unicodedata.normalize("NFD", CAFE[0])
OTHER = "in other folders"
MOVED = "by the last part of their paths"

SOURCES: dict[str, Source] = {
    # folders
    "a folder a label": folder(six()),
    "upper case suffixes": folder(six("{who}/{at}.PNG")),
    "train and test": folder({**six("train/{who}/{at}.png"), "test/dog/9.png": png(5, "BMP")},
                             skipped={"same content as another seed": 1}),
    "a split without classes": folder(six("train/{at}.png"), labels={None: 6}),
    "splits where no label is known": folder(six("set/train/{who}/{at}.png"), known=()),
    "classes, then splits": folder(six("{who}/train/{at}.png"), known=()),
    "a container is no label": folder(six("images/{at}.png"), labels={None: 6}),
    "labels in another Unicode form": folder(
        {f"{DECOMPOSED}/{at}.png": png(at) for at in range(6)}, labels={CAFE[0]: 6}, known=CAFE),
    "numbers of labels as folders": folder(
        {f"{NUMBERS[at]}/{at}.png": png(at) for at in range(6)}, said=("0 is cat, 1 is dog",)),
    "a label that the target does not have": folder(
        {**six(), "dogs/9.png": b""}, skipped={"label the target does not have": 1}, said=("did you mean 'dog'?",)),
    "files beside": folder(
        {**six(), "readme.html": b"<p>", "weights.pt": b"x", ".DS_Store": b"x"},
        skipped={".html: no image file": 1, ".pt: no image file": 1, "hidden file": 1}),
    # links
    "links to files": linked(links_to_files),
    "links to folders": linked(links_to_folders),
    "a link to the whole": Source(link_to_the_whole),
    "links in a ring": Source(links_in_a_ring, skipped={"link to a folder that it stands in": 1,
                                                        "link to a folder that is read already": 1}),
    # archives
    "a zip": zips(six()),
    "a zip of a wrapped set": zips(six("set/train/{who}/{at}.png"), known=()),
    "a zip with its table": zips({**six("{at}.png"), "labels.csv": lines("{at}.png,{who}").encode()}),
    "a zip of macOS": zips({**six(), "__MACOSX/cat/._0.png": b"x"}, skipped={"hidden file": 1}),
    "a zip that leads out": zips({**six(), "../out.png": png(0)}, skipped={"leads out of its archive": 1}),
    "a zip in a zip": zips({**six(), "more.zip": b"PK"}, skipped={"an archive in an archive": 1}),
    "a tar": tars(six()),
    "a tar.gz": tars(six(), "set.tar.gz", "w:gz"),
    "a tar.bz2": tars(six(), "set.tar.bz2", "w:bz2"),
    "a tar.xz": tars(six(), "set.tar.xz", "w:xz"),
    "a tar with links": Source(tar_with_links, skipped={"same content as another seed": 1,
                                                        "link out of its archive, or to nothing": 2}),
    "a webdataset shard": tars(shard(), said=("0 is cat, 1 is dog",)),
    "a shard a label": Source(shards_in_a_folder),
    "texts in a zip": zips({f"{who}/{at}.txt": TEXTS[at].encode() for at, who in enumerate(OWNERS)}, modality=TEXT),
    # tables of labels
    "commas": labelled(lines("{at}.png,{who}")),
    "semicolons": labelled(lines("{at}.png;{who}", "file;label")),
    "tabs": labelled(lines("{at}.png\t{who}", "file\tlabel"), "labels.tsv"),
    "bars": labelled(lines("{at}.png|{who}", "file|label")),
    "a mark and CRLF": labelled(lines("{at}.png,{who}", end="\r\n").encode("utf-8-sig")),
    "UTF-16 of a spreadsheet": labelled(lines("{at}.png\t{who}", "file\tlabel").encode("utf-16")),
    "the separator in its first line": labelled("sep=;\n" + lines("{at}.png;{who}", "file;label")),
    "quotes": labelled(lines('"{at}.png","{who}"', '"file","label"')),
    "another order and more columns": labelled(lines("x,{who},{at}.png,7", "note,label,file,size")),
    "pandas' index": labelled(lines("{at},{at}.png,{who}", ",filename,class")),
    "names of columns in capitals": labelled(lines("{at}.png,{who}", "File Name,Category")),
    "a column that nobody knows": labelled(lines("{at}.png,{who}", "id,breed")),
    "no first line": labelled(lines("{at}.png,{who}", "")),
    "JSON lines": labelled(lines('{{"file_name": "{at}.png", "label": "{who}"}}', ""), "labels.jsonl"),
    "metadata of an image folder": labelled(lines("{at}.png,{who}", "file_name,label"), "metadata.csv"),
    "metadata of something else": labelled("author,year\nme,2026\n", "metadata.csv", "{who}/{at}.png",
                                           skipped={".csv: no image file": 1}),
    "no suffixes": labelled(lines("{at},{who}", "id,label"), said=("without their suffixes",)),
    "numbers as floats": labelled(lines("{at}.0,{who}", "id,label"), pattern="{at:04d}.png", said=("as numbers",)),
    "paths of another machine": labelled(lines("/home/me/set/{at}.png,{who}"), said=(OTHER,)),
    "paths of Windows": labelled(lines("C:\\\\set\\\\{at}.png,{who}").replace("\\\\", "\\"), said=(OTHER,)),
    "names alone, files in folders": labelled(lines("{at}.png,{who}"), pattern="part/{at}.png"),
    "names in other letters": labelled(lines("IMG_{at}.PNG,{who}"), pattern="img_{at}.png", said=("other letters",)),
    "names in another Unicode form": labelled(lines("e\u0301{at}.png,{who}"), pattern="\u00e9{at}.png"),
    "labels as floats": labelled(
        "file,label\n" + "".join(f"{at}.png,{float(NUMBERS[at])}\n" for at in range(6)), labels={"0": 3, "1": 3},
        known=("0", "1")),
    "columns of ones and zeros": labelled(
        "image,cat,dog\n" + "".join(f"{at}.png,{1 - NUMBERS[at]}.0,{NUMBERS[at]}.0\n" for at in range(6))),
    "lines of files that are gone": labelled(
        lines("{at}.png,{who}") + "gone.png,cat\n", skipped={"named in labels.csv but not there": 1}),
    "files that it does not name": labelled(
        "file,label\n0.png,cat\n", labels={"cat": 1, None: 5}, said=("5 files are not named in labels.csv",)),
    # arrays
    "uint8": stack(x=PIXELS, y=NUMBERS, known=("0", "1"), labels={"0": 3, "1": 3}),
    "channels last": stack(images=PIXELS[..., None], labels=dict(EACH), known=LABELS, target=np.array(OWNERS)),
    "channels first": stack(data=PIXELS[:, None], target=NUMBERS, said=("0 is cat",)),
    "floats to 255": stack(x=PIXELS.astype("float32"), y=NUMBERS, said=("divided by 255", "0 is cat")),
    "floats to 1": stack(x=PIXELS / 255, y=NUMBERS, said=("0 is cat",)),
    "floats of -1 to 1": stack(x=PIXELS / 127.5 - 1, y=NUMBERS, said=("x / 2 + 0.5", "0 is cat")),
    "int64": stack(x=PIXELS.astype(np.int64), y=NUMBERS, said=("0 is cat",)),
    "16 bits": stack(x=PIXELS.astype(np.uint16) * 257, y=NUMBERS, said=("0 is cat",)),
    "flat rows": stack(x=PIXELS.reshape(6, -1), y=NUMBERS, said=("8 x 8", "0 is cat")),
    "flat colours": stack(
        x=np.repeat(PIXELS[:, None], 3, 1).reshape(6, -1), y=NUMBERS, said=("3 planes of 8 x 8", "0 is cat"),
        modality=COLOUR),
    "one-hot labels": stack(x=PIXELS, y=np.eye(2)[NUMBERS], said=("0 is cat",)),
    "a column of labels": stack(x=PIXELS, y=NUMBERS[:, None], said=("0 is cat",)),
    "labels as floats in an array": stack(x=PIXELS, y=NUMBERS.astype(float), said=("0 is cat",)),
    "names of labels": stack(x=PIXELS, y=np.array(OWNERS)),
    "train and test arrays": stack(
        x_train=PIXELS[:4], y_train=NUMBERS[:4], x_test=PIXELS[2:], y_test=NUMBERS[2:], labels={"cat": 1, "dog": 3},
        said=("read is x_test; not read: x_train (4), y_train (4)", "0 is cat")),
    "MedMNIST's names": stack(
        train_images=PIXELS[:2], train_labels=NUMBERS[:2, None], test_images=PIXELS, test_labels=NUMBERS[:, None],
        said=("read is test_images", "0 is cat")),
    "names that nobody knows": stack(pics=PIXELS, kinds=np.array(OWNERS)),
    "waves of 16 bits": stack(x=WAVES, y=NUMBERS, modality=SOUND, said=("0 is cat",)),
    "waves of 16 bits in floats": stack(
        audio=WAVES.astype("float32"), y=NUMBERS, modality=SOUND, said=("samples of 16 bits", "0 is cat")),
    "waves in int64": stack(
        x=WAVES.astype(np.int64), y=NUMBERS, modality=SOUND, said=("samples of 16 bits", "0 is cat")),
    "texts in an array": stack(texts=np.array(TEXTS), y=np.array(OWNERS), modality=TEXT),
    "arrays of a file each": folder(
        {f"{who}/{at}.npy": npy(PIXELS[at].astype("float32")) for at, who in enumerate(OWNERS)},
        said=("divided by 255",)),
    # texts
    "a CSV of texts": texts("set.csv", sentences()),
    "a TSV of texts": texts("set.tsv", sentences(("sentence", "target"), delimiter="\t")),
    "JSON lines of texts": texts(
        "set.jsonl", jsonl([{"text": one, "label": who} for one, who in zip(TEXTS, OWNERS, strict=True)])),
    "JSON lines of numbers": texts(
        "set.jsonl", jsonl([{"text": t, "label": int(n)} for t, n in zip(TEXTS, NUMBERS, strict=True)]),
        said=("0 is cat",)),
    "no first line, label first": texts(
        "set.csv", table(list(zip(OWNERS, TEXTS, strict=True))), said=("column 2 is taken for it",)),
    "texts without labels": texts("set.csv", table([[one] for one in TEXTS], ["text"]), labels={None: 6}),
    "texts over several lines": texts("set.csv", table([[f"{one}\nand more", who] for one, who in
                                                       zip(TEXTS, OWNERS, strict=True)], ["text", "label"])),
    "an empty text among them": texts(
        "set.jsonl", jsonl([{"text": "", "label": "cat"}, {"text": "a", "label": "dog"}]), labels={"cat": 1, "dog": 1},
        said=("1 text is empty",)),
    "an empty file": folder(
        {"cat/0.txt": b"", "dog/1.txt": b" \n"}, modality=TEXT, labels={"cat": 1, "dog": 1}, said=("1 text is empty",)),
    # pictures
    **{f"pictures as {form}": folder(six("{who}/{at}." + suffix, form))
       for form, suffix in (("TIFF", "tif"), ("GIF", "gif"), ("PPM", "pgm"), ("WEBP", "webp"), ("BMP", "bmp"),
                            ("AVIF", "avif"), ("JPEG", "jfif"))},
    # sounds
    **{f"sounds as {form} of {coding}": sounds(form, coding, suffix)
       for form, coding, suffix in (
           ("WAV", "PCM_U8", "wav"), ("WAV", "PCM_24", "wav"), ("WAV", "PCM_32", "wav"), ("WAV", "DOUBLE", "wav"),
           ("FLAC", "PCM_24", "flac"), ("OGG", "VORBIS", "ogg"), ("MP3", "MPEG_LAYER_III", "mp3"))},
    "a stream's header": endless(0xFFFFFFFF),
    "a killed recorder's header": endless(0),
    "a recorder's header that says what it planned": endless(0x7FFFF000),
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_taken_and_what_is_left_out_is_counted(name, tmp_path):
    source = SOURCES[name]
    found = load_seeds(source.make(tmp_path), source.modality, labels=source.known)
    assert dict(Counter(seed.label for seed in found.seeds)) == source.labels
    assert found.skipped == source.skipped
    assert found.seen == len(found) + sum(source.skipped.values())
    for part in source.said:
        assert any(part in text for text in found.warnings), found.warnings
    if not source.said:
        assert found.warnings == []
    assert all(text.isascii() and text.isprintable() for text in (*found.warnings, *found.advice()))


REFUSED: dict[str, tuple[Source, str]] = {
    "a table of other files": (
        labelled("file,label\nx.png,cat\ny.png,dog\n"),
        r"labels.csv: none of its 2 lines names a file that is there \(the first is 'x.png', and here is '0.png'\)"),
    "a table of no lines": (labelled("file,label\n"), r"none of its 0 lines"),
    "a table that says neither": (labelled("note,remark,more\na,b,c\n"), r"its first line must be: file,label"),
    "a table of broken JSON": (labelled("{", "labels.jsonl"), r"labels.jsonl, line 1: "),
    "a table of JSON that is no object": (
        labelled("[1]\n", "labels.jsonl"),
        r'write \{"file": \.\.\., "label": \.\.\.\}'),
    "floats of nobody knows what": (
        stack(x=PIXELS / 16 - 8.0, y=NUMBERS), r"outside \[0, 1\]: .*: \(x - x.min\(\)\) /"),
    "labels of several each": (stack(x=PIXELS, y=np.ones((6, 2), int)), r"labels do not fit: .* not a single one"),
    "arrays that nobody can tell apart": (
        stack(a=PIXELS, b=PIXELS), r"no inputs in the archive: .* call them 'images'"),
    "labels that are all unknown": (folder(six(), known=("cow", "god")), r"the target's are: cow, god$"),
    "texts without a column of texts": (
        texts("set.csv", "price,size\n3,4\n5,6\n"), r"a table without a column of texts .*call .*: text"),
    "parquet without pyarrow": (
        texts("set.parquet", b"PAR1"), r"\.parquet: read through pyarrow .*; pip install pyarrow"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_understood_is_refused_with_what_to_write(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    source, said = REFUSED[name]
    with pytest.raises(SeedError, match=said):
        load_seeds(source.make(tmp_path), source.modality, labels=source.known)


def test_a_folder_that_is_not_there_is_a_fault_of_the_command(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere is not there; .*: --seeds PATH") as refused:
        load_seeds(tmp_path / "nowhere", PICTURE)
    assert refused.value.exit_code == 2


def test_there_are_sixty_sources_at_least():
    assert len(SOURCES) >= 60


def by_brightness(x: torch.Tensor) -> torch.Tensor:
    """Scores of cat and dog: which half is brighter."""
    return torch.stack([x[..., :4].mean((1, 2, 3)), x[..., 4:].mean((1, 2, 3))], 1)


def halves() -> dict[str, bytes]:
    """Pictures, and a table of their labels as numbers."""
    files = {"labels.csv": ("file;label\n" + "".join(f"{at};{NUMBERS[at]}.0\n" for at in range(6))).encode()}
    for at in range(6):
        pixels = (PIXELS[at] // 4).astype(np.uint8)
        pixels[:, 4 * NUMBERS[at] : 4 * NUMBERS[at] + 4] += 150
        file = io.BytesIO()
        Pillow.fromarray(pixels).save(file, "TIFF")
        files[f"{at}.tif"] = file.getvalue()
    return files


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["zip", "tar.gz", "links"])
def test_a_source_comes_through_the_whole_line(kept, tmp_path):
    (tmp_path / "there").mkdir()
    if kept == "zip":
        seeds = zipped(halves(), tmp_path / "there")
    elif kept == "tar.gz":
        seeds = tarred(halves(), tmp_path / "there", "set.tar.gz", "w:gz")
    else:
        put(halves(), tmp_path / "there")
        seeds = tmp_path / "set"
        seeds.mkdir()
        for path in (tmp_path / "there").iterdir():
            (seeds / path.name).symlink_to(path)
    target = mlfuzz.CallableTarget("halves", PICTURE, by_brightness, labels=LABELS)
    walked = walk(target, seeds, tmp_path / "c", inputs=600)
    assert walked.ready
    assert (walked.stats.seeds.usable, walked.stats.seeds.labelled) == (6, 6)
    assert any("0.0 is cat, 1.0 is dog" in text for text in walked.stats.warnings)
    assert not [one for one in walked.findings if one.verdict == "flaky"]


@pytest.mark.slow
def test_the_commands_say_what_was_left_out_and_that_a_folder_is_not_there(tmp_path):
    put({**halves(), "empty.png": b"", "notes.pdf": b"x"}, tmp_path / "seeds")
    (tmp_path / "mine.py").write_text(
        "import mlfuzz, torch\n"
        "def scores(x):\n"
        "    return torch.stack([x[..., :4].mean((1, 2, 3)), x[..., 4:].mean((1, 2, 3))], 1)\n"
        "def make():\n"
        f"    return mlfuzz.CallableTarget('halves', mlfuzz.Image(size=(8, 8)), scores, labels={LABELS})\n"
    )
    checked = run(tmp_path, "check", "mine:make", "--seeds", "seeds")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "6 usable seeds of 8 seen: 2 left out" in checked.stdout
    assert "1 x empty file (empty.png)" in checked.stdout
    assert "ready: mlfuzz fuzz mine:make --seeds seeds" in checked.stdout
    fuzzed = run(tmp_path, "fuzz", "mine:make", "--seeds", "seeds", "--inputs", "300", "--name", "a")
    assert fuzzed.returncode in (0, 1), fuzzed.stdout + fuzzed.stderr
    assert "seeds left out of 8 seen: 1 x .pdf: no image file (notes.pdf), 1 x empty file (empty.png)" in (
        fuzzed.stdout + fuzzed.stderr
    )
    for verb in ("check", "fuzz"):
        gone = run(tmp_path, verb, "mine:make", "--seeds", "nowhere")
        assert gone.returncode == 2, gone.stdout + gone.stderr
        assert "nowhere is not there; give a folder of seeds, a file, or arrays: --seeds PATH" in (
            gone.stdout + gone.stderr
        ).replace("\n", " ")


@pytest.mark.slow
def test_a_camera_s_picture_is_read_at_a_reduced_scale(tmp_path):
    whole = Pillow.fromarray(np.repeat(np.repeat(PIXELS[0], 750, 0), 500, 1))  # 6000 x 4000
    for name, options in (("a.jpg", {"quality": 90}), ("b.png", {"compress_level": 1}), ("c.tif", {})):
        whole.save(tmp_path / name, **options)
    plain = np.asarray(whole.resize((8, 8), Pillow.Resampling.BILINEAR)).astype(int)
    for name in ("a.jpg", "b.png", "c.tif"):
        (seed,) = load_seeds(tmp_path / name, PICTURE).seeds
        assert np.abs(seed.payload.astype(int) - plain).mean() < 12
    (cropped,) = load_seeds(tmp_path / "b.png", Image(size=(8, 8), fit="crop")).seeds
    assert len(np.unique(cropped.payload)) <= 4
    (kept,) = load_seeds(tmp_path / "b.png", Image(size=None)).seeds
    assert kept.payload.shape == (1, 3000, 2000)
