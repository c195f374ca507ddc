import random

import pytest

from mlfuzz.errors import CorruptRecordError, SchemaError, StorageError
from mlfuzz.storage import journal as journal_module
from mlfuzz.storage.frame import HEAD_BYTES, Kind, head, salt
from mlfuzz.storage.journal import Journal, Place
from mlfuzz.storage.reader import Reader, load_payload
from mlfuzz.storage.workdir import Workdir


@pytest.fixture
def workdir(tmp_path):
    return Workdir.create(tmp_path / "campaign")


def content(number):
    rng = random.Random(number)
    return f'{{"number":{number}}}'.encode(), rng.randbytes(4 * 16), rng.randbytes(rng.randrange(0, 200))


def write(workdir, count, *, life=None, close=True, segment_bytes=1 << 20):
    life = life or workdir.new_life()
    journal = Journal(workdir, life, segment_bytes=segment_bytes)
    ends = []
    for number in range(count):
        header, vector, payload = content(number)
        journal.append(header, vector=vector, payload=payload)
        ends.append(journal.end)
    if close:
        journal.close()
    return life, ends


def read(workdir, life, **options):
    """The numbers of the records that came back, each compared with what was written, and the reader."""
    reader = Reader(workdir, life, **options)
    return [number for number, fault in examine(workdir, reader) if not fault], reader


def examine(workdir, reader):
    for record in reader.read():
        number = int(record.header.partition(b":")[2][:-1])
        header, vector, payload = content(number)
        assert record.header == header
        assert record.vector in (vector, None)
        try:
            assert load_payload(workdir, record.payload) == payload
            yield number, "" if record.vector else "no vector"
        except CorruptRecordError:
            yield number, "no payload"


@pytest.mark.parametrize("verify", [True, False])
def test_what_was_appended_comes_back_in_order_over_several_segments(workdir, verify):
    life, _ = write(workdir, 100, segment_bytes=3000)
    assert len(workdir.segments(life)) > 3
    numbers, reader = read(workdir, life, verify=verify)
    assert numbers == list(range(100))
    assert (reader.damaged, reader.pending, reader.ended) == ([], 0, True)


def test_a_record_may_have_no_vector_and_no_payload(workdir):
    life = workdir.new_life()
    with Journal(workdir, life) as journal:
        journal.append(b"bare")
        journal.append(b"vector", vector=b"abcd")
        journal.append(b"payload", payload=b"")
    bare, vector, payload = Reader(workdir, life).read()
    assert (bare.vector, bare.payload) == (None, None)
    assert (vector.vector, vector.payload) == (b"abcd", None)
    assert payload.vector is None
    assert load_payload(workdir, payload.payload) == b""


def test_a_journal_cut_at_any_byte_of_its_last_three_records_keeps_all_before_the_cut(workdir):
    life, ends = write(workdir, 6, close=False)
    path = workdir.segment(life, 1)
    whole = path.read_bytes()
    for cut in range(ends[2], len(whole) + 1):
        path.write_bytes(whole[:cut])
        numbers, reader = read(workdir, life)
        assert numbers == [number for number, end in enumerate(ends) if end <= cut]
        assert reader.damaged == []
        assert reader.pending == cut - ends[len(numbers) - 1]


def test_a_cut_segment_that_a_later_one_follows_is_damage(workdir):
    life, _ = write(workdir, 40, segment_bytes=3000)
    path = workdir.segment(life, 1)
    path.write_bytes(path.read_bytes()[:-150])
    numbers, reader = read(workdir, life)
    assert len(reader.damaged) == 1
    assert set(range(40)) - set(numbers) <= {max(set(range(40)) - set(numbers))}


def test_a_segment_cut_between_two_records_is_damage_though_no_byte_is_wrong(workdir):
    life = workdir.new_life()
    journal = Journal(workdir, life)
    journal.append(b'{"number":0}', vector=content(0)[1], payload=content(0)[2])
    end = journal.end
    journal.append(b"lost")
    journal.roll()
    journal.close()
    path = workdir.segment(life, 1)
    path.write_bytes(path.read_bytes()[:end])
    numbers, reader = read(workdir, life)
    assert numbers == [0]
    assert [damage.reason for damage in reader.damaged] == ["the segment ends without its close"]


def test_a_missing_segment_is_counted(workdir):
    life, _ = write(workdir, 60, segment_bytes=3000)
    workdir.segment(life, 2).unlink()
    _, reader = read(workdir, life)
    assert [damage.reason for damage in reader.damaged] == ["the segment is missing"]


def test_a_frame_that_is_not_whole_yet_is_read_when_it_is(workdir):
    life, ends = write(workdir, 4, close=False)
    path = workdir.segment(life, 1)
    whole = path.read_bytes()
    for cut in range(ends[1], ends[2]):
        path.write_bytes(whole[:cut])
        reader = Reader(workdir, life)
        assert len(list(reader.read())) == 2
        path.write_bytes(whole)
        assert [record.header for record in reader.read()] == [content(2)[0], content(3)[0]]
        assert (reader.damaged, reader.pending) == ([], 0)


def test_a_reader_follows_a_writer_through_rolls_to_the_end(workdir):
    life = workdir.new_life()
    reader = Reader(workdir, life)
    assert list(reader.read()) == []
    seen = []
    with Journal(workdir, life, segment_bytes=700) as journal:
        for number in range(50):
            header, vector, payload = content(number)
            journal.append(header, vector=vector, payload=payload)
            if number % 7 == 0:
                seen += [record.header for record in reader.read()]
                assert not reader.ended
    seen += [record.header for record in reader.read()]
    assert seen == [content(number)[0] for number in range(50)]
    assert reader.ended
    assert reader.damaged == []


def test_a_record_taken_back_by_a_full_disk_does_not_mislead_a_reader_that_saw_its_beginning(workdir):
    life, ends = write(workdir, 2, close=False)
    path = workdir.segment(life, 1)
    whole = path.read_bytes()
    reader = Reader(workdir, life, verify=False)
    path.write_bytes(whole[: ends[0] + HEAD_BYTES + len(content(1)[2])])  # the payload of record 1 alone
    assert len(list(reader.read())) == 1
    path.write_bytes(whole[: ends[0]])
    assert list(reader.read()) == []
    path.write_bytes(whole)
    assert [record.header for record in reader.read()] == [content(1)[0]]
    assert reader.damaged == []


@pytest.mark.slow
@pytest.mark.parametrize("verify", [True, False])
def test_a_flipped_byte_costs_one_record_and_is_never_silent(workdir, verify):
    life, _ = write(workdir, 60, segment_bytes=4000)
    segments = [workdir.segment(life, number) for number in workdir.segments(life)]
    whole = [path.read_bytes() for path in segments]
    rng = random.Random(7)
    for _ in range(200):
        which = rng.randrange(len(segments))
        data = bytearray(whole[which])
        at = rng.randrange(len(data))
        data[at] ^= rng.randrange(1, 256)
        segments[which].write_bytes(data)
        reader = Reader(workdir, life, verify=verify)
        faults = dict(examine(workdir, reader))
        sound = [number for number, fault in faults.items() if not fault]
        reported = len(reader.damaged) + (reader.pending > 0) + (not verify and "no payload" in faults.values())
        assert len(sound) >= 59
        assert reported == 1
        segments[which].write_bytes(whole[which])


def test_zeroed_blocks_cost_only_the_records_they_touch(workdir):
    life, ends = write(workdir, 60)
    path = workdir.segment(life, 1)
    whole = path.read_bytes()
    rng = random.Random(8)
    for _ in range(40):
        at = rng.randrange(ends[0], len(whole) - 600)
        path.write_bytes(whole[:at] + bytes(512) + whole[at + 512 :])
        numbers, reader = read(workdir, life)
        touched = [n for n, end in enumerate(ends) if end > at and (ends[n - 1] if n else 0) < at + 512]
        assert set(numbers) >= set(range(60)) - set(touched)
        assert len(reader.damaged) == 1


def test_damaged_bytes_are_copied_once_with_a_reason(workdir):
    life, ends = write(workdir, 5)
    path = workdir.segment(life, 1)
    data = bytearray(path.read_bytes())
    data[ends[1] + HEAD_BYTES + 3] ^= 255
    path.write_bytes(data)
    for _ in range(2):
        read(workdir, life)
    copies = [file for file in workdir.quarantine.iterdir() if file.name != "reasons.txt"]
    assert [file.read_bytes() for file in copies] == [data[ends[1] : ends[1] + copies[0].stat().st_size]]
    reasons = (workdir.quarantine / "reasons.txt").read_text().splitlines()
    assert len(reasons) == 1
    assert copies[0].name in reasons[0]
    assert "a damaged frame" in reasons[0]


def test_a_whole_journal_inside_a_torn_payload_brings_nothing_in(workdir):
    inner_life, _ = write(workdir, 3)
    inner = workdir.segment(inner_life, 1).read_bytes()
    life = workdir.new_life()
    journal = Journal(workdir, life)
    journal.append(b"outer", payload=inner)
    path = workdir.segment(life, 1)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 60])
    reader = Reader(workdir, life)
    assert list(reader.read()) == []
    assert reader.damaged == []


def test_a_journal_of_another_version_is_refused(workdir, monkeypatch):
    monkeypatch.setattr(journal_module, "SCHEMA", "mlfuzz.journal/99")
    life, _ = write(workdir, 1)
    monkeypatch.undo()
    with pytest.raises(SchemaError, match=r"mlfuzz\.journal/99.*000001\.mlj|000001\.mlj.*mlfuzz\.journal/99"):
        list(Reader(workdir, life).read())


def test_an_opening_that_is_no_utf8_is_refused_as_of_another_schema(workdir):
    life = workdir.new_life()
    body, key = b'{"schema": "\xff"}', salt(life, 1)
    workdir.segment(life, 1).write_bytes(head(Kind.OPEN, body, key) + body)
    with pytest.raises(SchemaError):
        list(Reader(workdir, life).read())


def test_a_header_too_short_for_one_is_damage_and_the_next_record_is_read(workdir):
    life = workdir.new_life()
    key, opening, good = salt(life, 1), b'{"schema": "mlfuzz.journal/1"}', bytes(8) + b"{}"
    frames = [(Kind.OPEN, opening), (Kind.HEADER, b"short"), (Kind.HEADER, good)]
    workdir.segment(life, 1).write_bytes(b"".join(head(kind, body, key) + body for kind, body in frames))
    reader = Reader(workdir, life)
    assert [record.header for record in reader.read()] == [b"{}"]
    assert [damage.length for damage in reader.damaged] == [HEAD_BYTES + 5]


def test_a_life_that_has_written_is_never_written_again(workdir):
    life, _ = write(workdir, 1, close=False)
    with pytest.raises(StorageError, match="new life"):
        Journal(workdir, life)


def test_a_closed_journal_takes_no_more(workdir):
    journal = Journal(workdir, workdir.new_life())
    journal.close()
    journal.close()
    with pytest.raises(StorageError, match="closed"):
        journal.append(b"late")


def test_a_damaged_payload_is_an_error_that_names_its_file_and_offset(workdir):
    life = workdir.new_life()
    with Journal(workdir, life) as journal:
        place = journal.append(b"header", payload=b"p" * 5000)
    path = workdir.segment(life, 1)
    data = bytearray(path.read_bytes())
    data[place.offset + 4500] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptRecordError, match=rf"000001\.mlj.* {place.offset} "):
        load_payload(workdir, place)
    with pytest.raises(CorruptRecordError, match="damaged"):
        load_payload(workdir, Place(life, 1, 3))
    with pytest.raises(CorruptRecordError, match="cannot be read"):
        load_payload(workdir, Place(life, 9, 0))


def test_synced_journals_hold_what_was_appended(workdir):
    life = workdir.new_life()
    journal = Journal(workdir, life)
    journal.append(b"one")
    journal.sync()
    assert [record.header for record in Reader(workdir, life).read()] == [b"one"]
    journal.close()
