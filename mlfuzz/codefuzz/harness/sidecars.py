"""Files that OSS-Fuzz's projects keep beside a harness, by its name: seeds, a dictionary, libFuzzer's options."""

from __future__ import annotations

import configparser
import contextlib
import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlfuzz.codefuzz.corpus.corpus_directory import LARGEST
from mlfuzz.errors import TargetLoadError
from mlfuzz.storage.durable import make_folder, write_atomic

SEEDS, DICTIONARY, OPTIONS = "_seed_corpus", ".dict", ".options"
ARCHIVE = f"{SEEDS}.zip"

SECTION = "libfuzzer"

MOST_FILES, MOST_BYTES = 100_000, 512 << 20
"""Of an archive of seeds that is unpacked."""


@dataclass(frozen=True, slots=True)
class Sidecars:
    """settings: of the declaration, by key. notes: in sentences, what of the options is not heeded."""

    settings: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def beside(harness: Path) -> Sidecars:
    """What lies beside a harness."""
    settings: dict[str, Any] = {}
    notes: list[str] = []
    options = harness.with_name(f"{harness.stem}{OPTIONS}")
    if options.is_file():
        notes += _heed(options, settings)
    dictionary = harness.with_name(f"{harness.stem}{DICTIONARY}")
    if dictionary.is_file():
        settings.setdefault("dictionary", str(dictionary))
    for seeds in (harness.with_name(f"{harness.stem}{ARCHIVE}"), harness.with_name(f"{harness.stem}{SEEDS}")):
        if seeds.exists():
            settings.setdefault("seeds", str(seeds))
    return Sidecars(settings, tuple(notes))


def is_archive(place: Path) -> bool:
    """Whether a file of seeds is an archive of them, and no seed itself."""
    return place.name.endswith(ARCHIVE) and place.is_file()


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each seed in an archive, the smallest first. Raises TargetLoadError where it is damaged."""
    try:
        with zipfile.ZipFile(archive) as file:
            inside = sorted((one for one in file.infolist() if not one.is_dir()), key=lambda one: one.file_size)
            total = 0
            for one in inside[:MOST_FILES]:
                total += one.file_size
                if one.file_size > LARGEST or total > MOST_BYTES:
                    return
                with file.open(one) as content:
                    yield Path(one.filename).name, content.read(LARGEST)
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        raise TargetLoadError(f"{archive} cannot be read as an archive of seeds: {error}") from error


def unpacked(archive: Path, below: Path) -> list[Path]:
    """The seeds of an archive, as files in a folder of its content's name. Raises TargetLoadError, StorageError."""
    folder = below / "seeds" / hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
    files = []
    make_folder(folder)
    for number, (name, data) in enumerate(members(archive)):
        path = folder / f"{number:05d}-{name[-80:]}"
        if not path.is_file() or path.read_bytes() != data:
            write_atomic(path, data, sync=False)
        files.append(path)
    return files


def counted(archive: Path) -> int:
    """Files in an archive; 0 where it cannot be read."""
    with contextlib.suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(archive) as file:
        return sum(not one.is_dir() for one in file.infolist())
    return 0


def _heed(path: Path, settings: dict[str, Any]) -> Iterator[str]:
    """Take over what there is a word for; tell the rest."""
    read = configparser.RawConfigParser(strict=False, interpolation=None)
    try:
        read.read_string(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error) as error:
        yield f"{path.name} cannot be read: {' '.join(str(error).split())}"
        return
    for key, text in read.items(SECTION) if read.has_section(SECTION) else ():
        if key in SILENT:
            continue
        name, convert = HEEDED.get(key, ("", str))
        try:
            if name and (value := convert(text)):
                settings[name] = str(path.with_name(text)) if key == "dict" else value
                continue
        except ValueError:
            pass
        yield f"{key} = {text} of {path.name} is not heeded"


def _whole(text: str) -> int:
    return int(float(text))


HEEDED: dict[str, tuple[str, Callable[[str], Any]]] = {
    "max_len": ("length", _whole), "dict": ("dictionary", str), "timeout": ("seconds", float),
    "rss_limit_mb": ("mebibytes", _whole),
}  # fmt: skip
"""Options of libFuzzer with the key of a declaration that says the same. 0 is no limit, and is not heeded."""

SILENT = frozenset({"close_fd_mask", "detect_leaks", "print_final_stats", "verbosity", "artifact_prefix"})
"""None of them changes what is found."""
