"""What is said of the parts of a file that was made smaller."""

from __future__ import annotations

from random import Random

import pytest

from mlfuzz.cli.verbs import format_seeds
from mlfuzz.codefuzz.formats import tree
from mlfuzz.codefuzz.formats.difference import MOST, difference

PICTURE = format_seeds.png(2, 2, 0)
SAID = {
    "a chunk less": (PICTURE, PICTURE.replace(PICTURE[-12:], b""), [("left out", "chunk IEND", "4 bytes")]),
    "a value": (b'{"a": [1, 2], "b": "x"}', b'{"a": [1, 2], "b": "y"}', [("changed", 'value of "b"', "x -> y")]),
    "a key": (b'{"a": 1, "b": 2}', b'{"a": 1}', [("left out", 'key "b"', "7 bytes")]),
    "a key more": (b'{"a": 1}', b'{"a": 1,"b": 2}', [("put in", 'key "b"', "6 bytes")]),
    "an element": (b"<a><b/>text</a>", b"<a><b/></a>", [("left out", "text text", "4 bytes")]),
    "nothing": (PICTURE, PICTURE, []), "no parts": (b"abc", b"ab", []),
    "a member": (
        format_seeds.archive(0), format_seeds.archive(0, {"a.txt": b"words " * 6}),
        [("left out", "member b/c.bin", "24 bytes")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_each_change_is_named_by_its_part(case: str) -> None:
    before, after, said = SAID[case]
    assert [tuple(one) for one in difference(tree(before), tree(after))] == said


def test_many_changes_are_counted() -> None:
    before = b"[" + b",".join(b'{"a%d": %d}' % (one, one) for one in range(300)) + b"]"
    after = b"[" + b",".join(b'{"b%d": 0}' % one for one in range(300)) + b"]"
    found = difference(tree(before), tree(after))
    assert len(found) == MOST + 1
    assert found[-1].what == "and"


def test_any_two_files_can_be_compared() -> None:
    rng = Random(1)
    files = [
        *format_seeds.json_files().values(),
        *format_seeds.xml_files().values(),
        *format_seeds.zip_files().values(),
    ]
    files += [b"[" * 500, b"[1," * 900, b"<a>" * 300, b"", *format_seeds.pdf_files().values()]
    for _ in range(15):
        difference(tree(rng.choice(files)), tree(rng.choice(files)[: rng.randrange(4000)]))
