"""Archives and texts of other codings, told by their names and bytes."""

from __future__ import annotations

import gzip
import subprocess
import zipfile
from pathlib import Path

import pytest

from mlfuzz.corpus.strange import archive_kind, archive_named, unpacking, wide_text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.zip", "zip"), ("A.ZIP", "zip"), ("a.tar.gz", "tar"), ("a.tgz", "tar"), ("1.png.gz", "gz"), ("a.7z", "7z"),
        ("a.png", ""), ("tar", ""), (".tar", ""), ("zip.png", ""),
    ],
)  # fmt: skip
def test_an_archive_is_known_by_its_name(name, kind):
    assert archive_named(name) == kind


def test_an_archive_is_known_by_its_bytes_whatever_its_name():
    assert archive_kind(gzip.compress(b"")) == "gz"
    assert archive_kind(b"PK\x05\x06" + bytes(18)) == "zip"
    assert archive_kind(bytes(257) + b"ustar\0") == "tar"
    assert archive_kind(b"\x89PNG\r\n") == archive_kind(b"") == ""


def test_the_line_that_unpacks_can_be_typed_as_it_stands(tmp_path):
    path = tmp_path / "two words; rm -rf x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1.png", b"a")
    line = unpacking("zip", path).removeprefix("unpack it: ")
    python = line.replace("unzip ", "python -m zipfile -e ").replace(" -d ", " ")  # unzip is not everywhere
    subprocess.run(["bash", "-c", python], check=True)
    assert (tmp_path / "two words; rm -rf x" / "1.png").read_bytes() == b"a"


def test_nothing_is_unpacked_over_the_archive_itself():
    assert unpacking("tar", Path("seeds")).endswith("-C seeds-unpacked")


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_wide_text_without_its_mark_is_told_by_its_nuls(coding):
    assert wide_text("two words".encode(coding)) == coding[:6].upper()
    assert wide_text("Grüße aus Köln, 20 °C".encode(coding)) == coding[:6].upper()


@pytest.mark.parametrize("data", [b"", b"text", b"a\0b", b"before\0after", b"a\0" * 3 + b"bcdefghijk", bytes(40)])
def test_a_text_with_some_nuls_is_no_wide_one(data):
    assert wide_text(data) == ""
