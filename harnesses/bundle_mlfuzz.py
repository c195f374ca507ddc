#!/usr/bin/env python3
"""A finding's folder from a stranger -> mlfuzz's reader -> a zip for somebody else, and read again.

Documented: StorageError (mlfuzz.findings.store, mlfuzz.findings.bundle). What is read is what lies in the folder, never
what a link leads to; the zip holds that folder alone; its script is Python; what comes out of it is the same finding.
Fields are put into a good finding and its folder: number (u8), length (u8), text, a few times.
"""

import ast
import contextlib
import hashlib
import importlib
import io
import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

HARNESS = {
    "name": "bundle_mlfuzz",
    "about": "a finding's folder -> read -> zip -> read again",
    "instrument": ["mlfuzz.findings", "mlfuzz.mutation"],
    "preload": ["mlfuzz.findings.bundle", "mlfuzz.findings.store", "mlfuzz.findings.repro"],
    "seeds": "corpus/seeds/code/bundle_mlfuzz",
    "dictionary": "corpus/seeds/code/bundle_mlfuzz.dict",
    "allowed": ["mlfuzz.errors.StorageError"],
    "seconds": 2.0,
    "mebibytes": 512,
    "length": 1024,
}

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

import msgspec

from mlfuzz.errors import StorageError
from mlfuzz.findings import bundle, store
from mlfuzz.findings.lookup import LocatedFinding
from mlfuzz.findings.record import RECORD
from mlfuzz.findings.repro import repro_script

PLACE = Path("bundle")  # where the run is, which differs from where it was imported
CANARY = PLACE / "canary"
SECRET = b"what a link must not lead to"
MOST_FIELDS, LONGEST = 12, 255
FILE = re.compile(r"[^/\0]+")
"""What a file system takes."""
TEXTS = (
    "id", "target", "label", "load", "side", "kind", "message", "expected", "observed", "sentence", "created", "note",
)  # fmt: skip
GOOD = {
    "schema": "mlfuzz.finding/1", "id": "0123456789abcdef", "side": "model", "kind": "label", "target": "digits",
    "load": "examples:digits", "modality": {"name": "image", "size": [4, 4]}, "oracle": {"name": "label"},
    "verdict": "confirmed", "confirmed": "3/3",
}  # fmt: skip


def fields_of(content: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at + 2 <= len(content) and len(found) < MOST_FIELDS:
        end = at + 2 + content[at + 1]
        found.append((content[at] % 32, content[at + 2 : end]))
        at = end
    return found


def laid_out(folder: Path, content: bytes) -> dict[str, bytes]:
    """Make the folder; its files by name. A field of a number above all others makes the input a link."""
    record: dict[str, object] = dict(GOOD)
    names, files = {"input": "input.png", "seed": "seed.png"}, {"input": b"input", "seed": b"seed"}
    evidence: dict[str, object] = {}
    linked, raw = False, b""
    for number, value in fields_of(content):
        text = value.decode("utf-8", "replace")
        if number < len(TEXTS):
            record[TEXTS[number]] = text
        elif number in (12, 13):
            names["input" if number == 12 else "seed"] = text
        elif number in (14, 15):
            files["input" if number == 14 else "seed"] = value
        elif number in (16, 17):
            evidence["traceback" if number == 16 else text] = text
        elif number == 18:
            evidence["repro"] = {"module": text, "model": "net", "preprocess": "prepare"}
        elif number == 19:
            evidence["shipped"] = True
        elif number == 20:
            raw = value
        elif number == 21:
            linked = True
    for part, name in names.items():
        record[part] = {"file": name, "sha256": hashlib.sha256(files[part]).hexdigest()}
    record["evidence"] = evidence
    (folder / RECORD).write_bytes(raw or msgspec.json.encode(record))
    for part, name in names.items():
        if FILE.fullmatch(name) and len(name.encode()) <= LONGEST and name not in (".", "..", RECORD):
            (folder / name).write_bytes(files[part])
    if linked:
        record["input"] = names["input"] = "link"
        (folder / "link").symlink_to(CANARY.absolute())
        record["input"] = {"file": "link", "sha256": hashlib.sha256(SECRET).hexdigest()}
        (folder / RECORD).write_bytes(msgspec.json.encode(record))
    return {names["input"]: files["input"], names["seed"]: files["seed"]}


def unpacked(archive: bytes, inside: str, folder: Path) -> Path:
    """Every member by hand: nothing that leads out may even be tried."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for member in opened.infolist():
            first, _, name = member.filename.partition("/")
            assert first == inside, f"{member.filename!a} is outside of the finding's folder"
            assert name not in ("", ".", ".."), f"{member.filename!a} leads elsewhere"
            assert "/" not in name, f"{member.filename!a} leads elsewhere"
            (folder / name).write_bytes(opened.read(member))
    return folder


def shape(script: str) -> str:
    """A script without its texts and numbers."""
    return ast.dump(Wiped().visit(ast.parse(script)))


class Wiped(ast.NodeTransformer):
    """Makes all constants the same one."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        """A constant like any other."""
        return ast.Constant(0)


def fuzz(data: bytes) -> None:
    shutil.rmtree(PLACE, ignore_errors=True)
    folder, again = PLACE / "given", PLACE / "again"
    folder.mkdir(parents=True)
    again.mkdir()
    CANARY.write_bytes(SECRET)
    given = laid_out(folder, data)
    finding, files = store.read(folder)
    assert SECRET not in files.values(), "a link was followed"
    for name, content in files.items():
        assert given.get(name, content) == content, f"another content of {name!a}"
    plain = dict.fromkeys(("kind", "message", "expected", "observed", "sentence", "note"), "text")
    same = shape(repro_script(msgspec.structs.replace(finding, **plain)))
    assert shape(repro_script(finding)) == same, "a text of the record is a line of its script"
    path = bundle.write_zip([LocatedFinding(finding, folder / RECORD)], PLACE / "found.zip")
    assert store.read(unpacked(path.read_bytes(), finding.id, again)) == (finding, files), "it came out otherwise"
    assert sorted(os.listdir(PLACE)) == ["again", "canary", "found.zip", "given"], "something was written elsewhere"


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(StorageError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
