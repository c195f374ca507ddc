"""Which names from data may become parts of paths."""

from __future__ import annotations

import pytest

from mlfuzz.errors import UsageError
from mlfuzz.storage.names import folder_name, is_file_name, plain

LEADING_OUT = [
    "", ".", "..", "../x", "/x", "a/b", "a\\b", "..\\x", "C:\\x", "C:x", "\0", "x\0.png", "-rf", "~", "~root", "x\n",
    "\nx", "\x1b[2J", "\u202egnp", "\u200bx", "a\u2215b", "a\uff0fb", "a\u29f8b", "\uff0e\uff0e", "x y", "x\u2028",
    "%2e%2e%2f", "file:x", "x:stream", "x*", "$(x)", "`x`", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("name", LEADING_OUT, ids=ascii)
def test_a_name_that_is_not_one_part_of_a_path_is_refused(name: str) -> None:
    assert not is_file_name(name)
    with pytest.raises(UsageError, match="is no name for a file"):
        plain(name)
    folder = folder_name(name)
    assert is_file_name(folder) or folder.isidentifier() or plain(folder)


@pytest.mark.parametrize(
    "name", ["CON", "nul", "aux.png", "COM1.txt", "lpt9", "x.", "x..", "x" * 121, "x.longer_than_any_suffix"]
)
def test_a_files_name_is_one_on_any_system(name: str) -> None:
    assert not is_file_name(name)


@pytest.mark.parametrize(
    "name", ["input.png", "seed.flac", "c0ffee00.blob-12345678.npy", "a+b_c-d.e.txt", "console.txt", "noext"]
)
def test_names_that_mlfuzz_gives_are_taken(name: str) -> None:
    assert is_file_name(name)
    assert plain(name) == name


def test_a_name_is_short_enough_for_what_is_put_around_it() -> None:
    assert plain("x" * 200)
    with pytest.raises(UsageError, match="too long for a name; use 215 bytes at most"):
        plain("\u00e9" * 150)


def test_a_folder_is_named_for_any_text_and_no_device() -> None:
    assert [folder_name(text) for text in ("digits:fragile", "../../x", "CON", "nul.x", "", "...", "a\0b")] == [
        "digits-fragile", "x", "CON-", "nul.x-", "target", "target", "a-b",
    ]  # fmt: skip
