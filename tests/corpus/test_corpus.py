import random

import numpy as np
import pytest

from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Entry
from mlfuzz.corpus.packed import PackedBytes
from mlfuzz.errors import CorruptRecordError, StorageError
from mlfuzz.mutation import Mutation
from mlfuzz.storage.blobs import BLOB_BYTES
from mlfuzz.storage.journal import Journal
from mlfuzz.storage.workdir import Workdir


@pytest.fixture
def workdir(tmp_path):
    return Workdir.create(tmp_path / "campaign")


def vector(number):
    return np.random.default_rng(number).standard_normal(6).astype(np.float32)


def payload(number):
    return random.Random(number).randbytes(BLOB_BYTES if number % 5 == 4 else 10 + number)


def fill(corpus, numbers):
    for number in numbers:
        row = len(corpus)
        chain = tuple(Mutation("image.rotate", {"degrees": float(step)}) for step in range(number % 4))
        corpus.add(
            Entry(
                parent=corpus.identity(row - 1) if row else None, seed=number % 3, chain=chain, gain=number / 8,
                margins=[-1.5, None], loads=[0.25, number / 4], invariant=number % 2 == 0, batch=number,
            ),
            vector(number),
            payload(number),
        )  # fmt: skip


def assert_holds(corpus, numbers):
    numbers = list(numbers)
    assert len(corpus) == len(numbers)
    np.testing.assert_array_equal(corpus.seeds, [number % 3 for number in numbers])
    np.testing.assert_array_equal(corpus.gains, np.float32([number / 8 for number in numbers]))
    np.testing.assert_array_equal(corpus.loads, np.float32([[0.25, number / 4] for number in numbers]))
    np.testing.assert_array_equal(corpus.margins, np.float32([[-1.5, np.nan]] * len(numbers)))
    np.testing.assert_array_equal(corpus.invariant, [number % 2 == 0 for number in numbers])
    np.testing.assert_array_equal(corpus.vectors, np.stack([vector(number) for number in numbers]))
    for row, number in enumerate(numbers):
        assert corpus.payload(row) == payload(number)
        assert len(corpus.chain(row)) == number % 4
        assert corpus.entry(row).batch == number
        assert corpus.row(corpus.identity(row)) == row


def test_what_was_added_is_there_at_once_and_after_opening_again(workdir):
    corpus = Corpus.open(workdir, workdir.new_life())
    fill(corpus, range(12))
    assert_holds(corpus, range(12))
    np.testing.assert_array_equal(corpus.parents, np.arange(12) - 1)
    again = Corpus.open(workdir)  # the first one goes on, and was never closed
    assert_holds(again, range(12))
    np.testing.assert_array_equal(again.parents, corpus.parents)
    np.testing.assert_array_equal(again.measured, [True] * 12)


def test_a_second_life_goes_on_where_the_first_ended(workdir):
    first = Corpus.open(workdir, workdir.new_life())
    fill(first, range(5))
    first.close()
    second = Corpus.open(workdir, workdir.new_life())
    fill(second, range(5, 9))
    assert_holds(Corpus.open(workdir), range(9))
    assert [life[:8] for life in second.lives] == ["w00-0001", "w00-0002"]
    assert second.identity(7)[1] == 2


def test_columns_outgrow_their_first_room_and_segments_roll(workdir):
    corpus = Corpus.open(workdir, workdir.new_life(), segment_bytes=100_000)
    for number in range(2500):
        corpus.add(Entry(seed=number), np.full(3, number, np.float32), b"%d" % number)
    again = Corpus.open(workdir)
    for each in (corpus, again):
        np.testing.assert_array_equal(each.seeds, np.arange(2500))
        np.testing.assert_array_equal(each.vectors[:, 2], np.arange(2500))
        assert each.payload(2499) == b"2499"
    assert len(workdir.segments(corpus.lives[0])) > 2


def test_workers_take_in_each_others_entries(workdir):
    one = Corpus.open(workdir, workdir.new_life(0))
    two = Corpus.open(workdir, workdir.new_life(1))
    fill(one, range(3))
    assert two.tail() == range(3)
    assert two.tail() == range(3, 3)
    fill(two, range(3, 5))
    three = Corpus.open(workdir, workdir.new_life(2))
    fill(one, [])
    assert one.tail() == range(3, 5)
    for corpus in (one, two, three):
        assert_holds(corpus, range(5))
        np.testing.assert_array_equal(corpus.parents, np.arange(5) - 1)


def test_a_child_that_is_read_before_its_parent_finds_it_later(workdir):
    child_life, parent_life = workdir.new_life(0), workdir.new_life(1)
    parent = Corpus.open(workdir, parent_life)
    child = Corpus.open(workdir, child_life)
    parent.add(Entry(), vector(0), b"parent")
    child.add(Entry(parent=(parent_life, 0)), vector(1), b"child")
    np.testing.assert_array_equal(child.parents, [-1])
    child.tail()
    np.testing.assert_array_equal(child.parents, [1, -1])
    np.testing.assert_array_equal(Corpus.open(workdir).parents, [1, -1])


def test_an_entry_written_twice_is_taken_in_once(workdir):
    life = workdir.new_life()
    corpus = Corpus.open(workdir, life)
    fill(corpus, range(3))
    corpus.close()
    copy = Journal(workdir, workdir.new_life())
    copy.append(corpus._headers[1], vector=vector(1).tobytes(), payload=b"forged")
    copy.close()
    again = Corpus.open(workdir)
    assert len(again) == 3
    assert again.payload(1) == payload(1)


def test_a_damaged_record_costs_its_entry_and_is_told(workdir):
    corpus = Corpus.open(workdir, workdir.new_life())
    for number in range(6):
        corpus.add(
            Entry(seed=number, parent=corpus.identity(number - 1) if number else None), vector(number), b"x" * 99
        )
    path = workdir.segment(corpus.lives[0], 1)
    data = path.read_bytes()
    at = [index for index in range(len(data)) if data[index : index + 99] == b"x" * 99][2]
    path.write_bytes(data[: at + 50] + b"y" + data[at + 51 :])
    again = Corpus.open(workdir)
    np.testing.assert_array_equal(again.seeds, [0, 1, 3, 4, 5])
    np.testing.assert_array_equal(again.parents, [-1, 0, -1, 2, 3])
    assert len(again.damaged) == 1
    unverified = Corpus.open(workdir, verify=False)
    assert len(unverified) == 6
    with pytest.raises(CorruptRecordError, match=r"000001\.mlj"):
        unverified.payload(2)


def test_a_missing_blob_is_an_error_when_it_is_loaded(workdir):
    corpus = Corpus.open(workdir, workdir.new_life())
    corpus.add(Entry(), vector(0), payload(4))
    workdir.blob(corpus.entry(0).blob).unlink()
    with pytest.raises(CorruptRecordError, match="missing"):
        Corpus.open(workdir).payload(0)


def test_records_of_a_later_version_are_counted_not_guessed_at(workdir):
    journal = Journal(workdir, workdir.new_life())
    journal.append(b'{"record":"hologram"}')
    journal.append(b"no json")
    corpus = Corpus.open(workdir)
    assert (len(corpus), corpus.unreadable) == (0, 2)


def test_an_unfinished_last_record_is_told_apart_from_damage(workdir):
    corpus = Corpus.open(workdir, workdir.new_life())
    fill(corpus, range(2))
    path = workdir.segment(corpus.lives[0], 1)
    path.write_bytes(path.read_bytes()[:-1])
    again = Corpus.open(workdir)
    assert len(again) == 1
    assert again.damaged == []
    assert list(again.pending) == corpus.lives


def test_identities_say_which_life_and_which_entry(workdir):
    one = Corpus.open(workdir, workdir.new_life(0))
    fill(one, range(2))
    two = Corpus.open(workdir, workdir.new_life(1))
    fill(two, range(2, 4))
    identities = np.frombuffer(two.identities(np.array([3, 0, 1])), np.int64).reshape(-1, 2)
    assert [(two.lives[life], sequence) for life, sequence in identities] == [two.identity(row) for row in (3, 0, 1)]


def test_entries_of_another_calibration_are_measured_again_once_for_all(workdir):
    old = Corpus.open(workdir, workdir.new_life(), calibration="old")
    fill(old, range(3))
    new = Corpus.open(workdir, workdir.new_life(), calibration="new")
    np.testing.assert_array_equal(new.measured, [False] * 3)
    for row in range(2):
        new.measure(row, np.full(4, row, np.float32), 2.0)
    later = Corpus.open(workdir, calibration="new")
    for corpus in (new, later):
        np.testing.assert_array_equal(corpus.measured, [True, True, False])
        np.testing.assert_array_equal(corpus.vectors[1], np.ones(4, np.float32))
        np.testing.assert_array_equal(corpus.gains[:2], [2.0, 2.0])
        assert corpus.payload(1) == payload(1)
    assert_holds(Corpus.open(workdir, calibration="old"), range(3))


def test_a_corpus_opened_for_reading_takes_nothing(workdir):
    corpus = Corpus.open(workdir)
    assert (len(corpus), corpus.vectors.shape, corpus.measured.shape) == (0, (0, 0), (0,))
    with pytest.raises(StorageError, match="reading only"):
        corpus.add(Entry(), vector(0), b"")


def test_a_campaign_is_opened_without_torch_or_faiss(workdir):
    import subprocess
    import sys

    script = (
        "import sys, mlfuzz.corpus.corpus, mlfuzz.corpus.seeds, mlfuzz.findings.finding, mlfuzz.storage.checkpoint;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'faiss')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_entries_whose_records_are_packed_hold_as_before(workdir):
    corpus = Corpus.open(workdir, workdir.new_life())
    corpus._headers = PackedBytes(plain=20)
    fill(corpus, range(300))
    assert corpus._headers._packs
    assert_holds(corpus, range(300))
    corpus.arrange([corpus.identity(row) for row in reversed(range(300))])
    assert_holds(corpus, reversed(range(300)))
    assert corpus.judged_by(3)
    assert corpus.margins.shape == (300, 3)
