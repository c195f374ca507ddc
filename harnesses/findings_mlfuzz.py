#!/usr/bin/env python3
"""A finding's record from a stranger -> mlfuzz's record reader, and every path that is made of it.

Documented: StorageError (mlfuzz.findings.record). No path that is made of a record which was taken leaves its folder:
in a campaign, as a regression, as training data. Nothing is written and no file is opened: ten million take an hour.
A first byte "{" is a whole record; else fields are put into a good one: number (u8), length (u8), text, a few times.
"""

import contextlib
import importlib
import sys
from pathlib import Path
from typing import ClassVar

HARNESS = {
    "name": "findings_mlfuzz",
    "about": "a finding's record -> mlfuzz's reader -> every path made of it",
    "instrument": [
        "mlfuzz.findings.finding", "mlfuzz.findings.record", "mlfuzz.findings.regression", "mlfuzz.findings.promote",
        "mlfuzz.findings.dataset", "mlfuzz.mutation",
    ],
    "preload": [
        "mlfuzz.findings.record", "mlfuzz.findings.regression", "mlfuzz.findings.promote", "mlfuzz.findings.dataset",
    ],
    "seeds": "corpus/seeds/code/findings_mlfuzz",
    "dictionary": "corpus/seeds/code/findings_mlfuzz.dict",
    "allowed": ["mlfuzz.errors.StorageError"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 1024,
}  # fmt: skip

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

import msgspec

from mlfuzz.errors import StorageError
from mlfuzz.findings import dataset, record, regression
from mlfuzz.findings.finding import Finding
from mlfuzz.findings.promote import folder_name

FOLDER, ORIGIN = "/campaign", Path("finding.json")
LONGEST = 255
"""Bytes of a name that file systems in use take."""

DIGEST = 64 * "0"
GOOD = {
    "schema": "mlfuzz.finding/1", "id": "0123456789abcdef", "side": "model", "kind": "label", "target": "digits",
    "label": "7", "oracle": {"name": "label"}, "verdict": "confirmed",
}  # fmt: skip
FILES = ("input", "seed", "blobs", "trimmed")
TEXTS = ("id", "target", "label", "kind", "load", "oracle", "modality", "verdict", "side", "seed_name", "campaign")
NUMBERS = 2 * len(FILES) + len(TEXTS)
MOST_FIELDS = 8
"""More take longer, and say nothing new."""


class Nowhere:
    """A path at which nothing is made; ten times as fast as a real one. One that leads out shows in its text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __truediv__(self, name: str) -> "Nowhere":
        return Nowhere(f"{self.text}/{name}")

    @property
    def parent(self) -> "Nowhere":
        return self

    def mkdir(self, *arguments: object, **options: object) -> None:
        """Does nothing."""


FOLDER_PATH = Nowhere(FOLDER)


class Given:
    """What is read, and where it would have been written."""

    content: ClassVar = b""
    paths: ClassVar[list[str]] = []


record.read_regular = lambda path: Given.content
regression.write_atomic = dataset.write_atomic = lambda path, data, **options: Given.paths.append(path.text)
dataset.require_empty = lambda folder: None
dataset.make_folder = regression.make_folder = lambda path, *modes, **options: None
dataset.new_folder = contextlib.nullcontext


class Located:
    """A finding whose files are empty."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding

    def bytes_of(self, ref: object) -> bytes:
        return b""


def written(content: bytes) -> bytes:
    """Number, length and text of fields -> a good record with these in it."""
    names, digests = {"input": "input.png"}, {}
    fields, at = dict(GOOD), 0
    for _ in range(MOST_FIELDS):
        if at + 2 > len(content):
            break
        number, end = content[at] % NUMBERS, at + 2 + content[at + 1]
        text = content[at + 2 : end].decode("utf-8", "replace")
        at = end
        if number < len(FILES):
            names[FILES[number]] = text
        elif number < 2 * len(FILES):
            digests[FILES[number - len(FILES)]] = text
        else:
            name = TEXTS[number - 2 * len(FILES)]
            fields[name] = {"name": text} if name in ("oracle", "modality") else text
    refs = {part: {"file": name, "sha256": digests.get(part, DIGEST)} for part, name in names.items()}
    if "blobs" in refs:
        refs["blobs"] = [refs["blobs"]]
    if "trimmed" in refs:
        refs["trimmed"] = {"file": refs["trimmed"], "changed": 1, "of": 4, "what": "pixels"}
    return msgspec.json.encode({**fields, **refs})


def paths_of(finding: Finding) -> list[str]:
    """Where mlfuzz writes and reads what a record names: in a campaign, as a regression, as training data."""
    refs = record.files_of(finding)
    Given.paths = [f"{FOLDER}/{finding.id}/{ref.file}" for ref in refs]
    files = {ref.file: b"" for ref in refs}
    regression.write_regression(FOLDER_PATH / folder_name(finding.target), finding, files)
    if dataset.keeps_label(finding):
        dataset.write_dataset(dataset.Dataset((Located(finding),), (), ((), ()), 0), FOLDER_PATH)
    return Given.paths


def fuzz(data: bytes) -> None:
    Given.content = data if data[:1] == b"{" else written(data)
    finding = record.read_record(ORIGIN)
    for path in paths_of(finding):
        names = path.split("/")
        assert names[:2] == ["", FOLDER[1:]], f"{path!a} is outside of its folder"
        for name in names[2:]:
            assert name not in ("", ".", ".."), f"{path!a} leads elsewhere"
            assert name.isprintable(), f"{path!a} holds what no name should"
            assert "\\" not in name, f"{path!a} leads elsewhere on Windows"
            assert len(name.encode()) <= LONGEST, f"a name of {len(name.encode())} bytes"


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(StorageError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
