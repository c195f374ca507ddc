"""Smaller inputs for which something still holds."""

from __future__ import annotations

import random

from mlfuzz.codefuzz.corpus.ddmin import RunBudget, smallest


def test_what_matters_is_kept_and_nothing_else():
    payload = bytes(range(200)) + b"NEEDLE" + bytes(range(50))
    assert smallest(payload, lambda data: b"NEEDLE" in data, RunBudget(5)) == b"NEEDLE"


def test_parts_that_only_matter_together_stay():
    rng = random.Random(1)
    payload = bytes(rng.randrange(97, 123) for _ in range(300)) + b"A" + b"x" * 90 + b"Z"
    assert smallest(payload, lambda data: b"A" in data and b"Z" in data, RunBudget(5)) in (b"AZ", b"ZA")


def test_bytes_that_do_not_matter_become_plain():
    found = smallest(b"qq\x17zz", lambda data: len(data) == 5 and data[2] == 0x17, RunBudget(5))
    assert found == b"\0\0\x17\0\0"


def test_an_empty_input_that_keeps_is_the_smallest():
    assert smallest(b"anything", lambda data: True, RunBudget(5)) == b""


def test_nothing_is_tried_twice_and_tries_are_bounded():
    tried = []

    def keeps(data: bytes) -> bool:
        tried.append(data)
        return data.count(b"a") >= 20

    found = smallest(b"ab" * 64, keeps, RunBudget(5, tries=90))
    assert len(tried) == len(set(tried)) <= 90
    assert found.count(b"a") >= 20


def test_what_never_keeps_comes_back_as_it_was():
    assert smallest(b"abc", lambda data: False, RunBudget(5)) == b"abc"


def test_a_formats_own_simpler_forms_go_where_bytes_cannot():
    """A length in front: leaving a byte out breaks it, leaving a whole chunk out does not."""

    def build(chunks: list[bytes]) -> bytes:
        return bytes([len(chunks)]) + b"".join(bytes([len(chunk)]) + chunk for chunk in chunks)

    def chunks_of(data: bytes) -> list[bytes] | None:
        found, at = [], 1
        while at < len(data):
            found.append(data[at + 1 : at + 1 + data[at]])
            at += 1 + data[at]
        return found if data and len(found) == data[0] and build(found) == data else None

    def simpler(data: bytes):
        chunks = chunks_of(data) or []
        for place in range(len(chunks)):
            yield build(chunks[:place] + chunks[place + 1 :])

    def keeps(data: bytes) -> bool:
        chunks = chunks_of(data)
        return chunks is not None and b"bad" in chunks

    payload = build([b"one", b"two", b"bad", b"three"])
    assert smallest(payload, keeps, RunBudget(5), hints=simpler) == build([b"bad"])


def test_a_body_goes_with_its_length():
    def keeps(data: bytes) -> bool:
        size = int.from_bytes(data[1:3], "little")
        return data[:1] == b"T" and len(data) == 3 + size + 1 and data[-1:] == b"!"

    assert smallest(b"T\x20\x00" + b"x" * 32 + b"!", keeps, RunBudget(5)) == b"T\0\0!"


def test_a_short_piece_goes_wherever_it_begins():
    def keeps(data: bytes) -> bool:
        return len(data) % 7 == 4 and b"k" in data

    assert len(smallest(b"abcdefghij" + b"k" + bytes(14), keeps, RunBudget(5))) == 4
