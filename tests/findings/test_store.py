import os
import threading

import msgspec
import pytest
from findings.samples import ref, sample

from mlfuzz.errors import CorruptRecordError, SchemaError, StorageError, UsageError
from mlfuzz.findings.finding import FileRef
from mlfuzz.findings.store import Damaged, FindingStore, read


@pytest.fixture
def store(tmp_path):
    return FindingStore(tmp_path / "findings")


def change(finding, **fields):
    return msgspec.structs.replace(finding, **fields)


def test_a_finding_comes_back_with_its_files(store):
    finding, files = sample()
    assert store.save(finding, files)
    assert store.load(finding.id) == finding
    assert store.bytes_of(finding, finding.input) == files["input.png"]
    assert store.bytes_of(finding, finding.seed) == files["seed.png"]
    assert read(store.folder(finding.id)) == (finding, files)
    assert read(store.folder(finding.id) / "finding.json") == (finding, files)
    assert sorted(os.listdir(store.folder(finding.id))) == ["finding.json", "input.png", "repro.py", "seed.png"]


def test_a_finding_is_saved_once(store):
    finding, files = sample()
    assert store.save(finding, files)
    assert not store.save(change(finding, observed="another"), files)
    assert store.load(finding.id).observed == "1"
    assert os.listdir(store.directory) == [finding.id]


def test_several_are_saved_at_once_and_the_new_ones_counted(store):
    found = [sample(number) for number in range(5)]
    store.save(*found[2])
    assert store.save_many([*found, found[0]]) == 4
    assert store.ids() == sorted(finding.id for finding, _ in found)
    assert [finding.id for finding in store.records()] == store.ids()


def test_of_many_who_save_the_same_finding_one_is_told_that_it_was_new(store):
    finding, files = sample()
    answers = []
    workers = [threading.Thread(target=lambda: answers.append(store.save(finding, files))) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(answers) == [False] * 7 + [True]
    assert os.listdir(store.directory) == [finding.id]


def test_a_traceback_is_a_file_of_its_own(store):
    finding, files = sample(evidence={"traceback": "Traceback ... \udcff"})
    store.save(finding, files)
    assert (store.folder(finding.id) / "traceback.txt").read_text() == "Traceback ... \\udcff"


def test_a_shrunk_input_takes_the_place_of_the_first_one(store):
    finding, files = sample()
    store.save(finding, files)
    shrunk = change(finding, input=ref("input-2.png", b"smaller"), chain=(), shrunk=True, verdict="confirmed")
    store.update(shrunk, {"input-2.png": b"smaller"})
    assert store.load(finding.id) == shrunk
    assert store.bytes_of(shrunk, shrunk.input) == b"smaller"
    assert not (store.folder(finding.id) / "input.png").exists()
    assert "input-2.png" in (store.folder(finding.id) / "repro.py").read_text()


@pytest.mark.parametrize("die_at", ["record", "removal"])
def test_a_shrink_that_dies_half_way_leaves_a_finding_that_can_be_read(store, monkeypatch, die_at):
    finding, files = sample()
    store.save(finding, files)
    shrunk = change(finding, input=ref("input-2.png", b"smaller"), shrunk=True)

    def die(*_, **__):
        raise KeyboardInterrupt

    if die_at == "record":
        monkeypatch.setattr("mlfuzz.findings.store.dumps", die)
    else:
        monkeypatch.setattr("mlfuzz.findings.store.remove", die)
    with pytest.raises(KeyboardInterrupt):
        store.update(shrunk, {"input-2.png": b"smaller"})
    monkeypatch.undo()
    now, found = read(store.folder(finding.id))
    assert now == (finding if die_at == "record" else shrunk)
    assert found[now.input.file] == (b"input 0" if die_at == "record" else b"smaller")
    store.update(shrunk, {"input-2.png": b"smaller"})
    assert store.load(finding.id) == shrunk


def test_a_verdict_does_not_undo_what_a_person_decided_meanwhile(store):
    finding, files = sample()
    store.save(finding, files)
    store.annotate(finding.id, triage="ignored", note="known")
    store.update(change(finding, verdict="confirmed"))
    now = store.load(finding.id)
    assert (now.verdict, now.triage, now.note) == ("confirmed", "ignored", "known")


def test_a_finding_never_goes_back_to_candidate(store):
    finding, files = sample(verdict="confirmed")
    store.save(finding, files)
    with pytest.raises(StorageError, match="confirmed already"):
        store.update(change(finding, verdict="candidate"))
    store.update(change(finding, verdict="flaky"))
    assert store.load(finding.id).verdict == "flaky"


@pytest.mark.parametrize("change_files", [{"input.png": b"another"}, {}])
def test_files_that_are_not_the_ones_named_are_refused_before_anything_is_written(store, change_files):
    finding, files = sample()
    with pytest.raises(StorageError, match=r"input\.png"):
        store.save(finding, {"seed.png": files["seed.png"], **change_files})
    assert store.ids() == []


def test_an_update_may_not_name_a_file_that_is_not_there(store):
    finding, files = sample()
    store.save(finding, files)
    with pytest.raises(StorageError, match="input-9"):
        store.update(change(finding, input=ref("input-9.png", b"x")))
    assert store.load(finding.id) == finding


def test_an_edited_file_is_told_from_the_one_that_was_saved(store):
    finding, files = sample()
    store.save(finding, files)
    (store.folder(finding.id) / "input.png").write_bytes(b"edited")
    with pytest.raises(CorruptRecordError, match=r"input\.png was edited or is damaged"):
        store.bytes_of(finding, finding.input)
    (store.folder(finding.id) / "input.png").unlink()
    with pytest.raises(CorruptRecordError, match="missing"):
        store.bytes_of(finding, finding.input)


@pytest.mark.parametrize("name", ["../seed.png", "/etc/passwd", "a/b", "..", ".hidden", "", "a\nb", "-rf"])
def test_names_that_lead_out_of_the_folder_are_refused(store, name):
    finding, files = sample()
    store.save(finding, files)
    with pytest.raises(CorruptRecordError, match="plain file name"):
        store.bytes_of(finding, FileRef(name, "0" * 64))
    with pytest.raises(CorruptRecordError):
        store.save(change(finding, id="ab" * 8, input=ref(name, b"x")), {name: b"x"})
    forged = (store.folder(finding.id) / "finding.json").read_text().replace("input.png", ascii(name)[1:-1])
    (store.folder(finding.id) / "finding.json").write_text(forged)
    with pytest.raises((CorruptRecordError, SchemaError)):
        store.load(finding.id)


def test_a_link_in_place_of_a_file_is_refused(store, tmp_path):
    finding, files = sample()
    store.save(finding, files)
    (tmp_path / "elsewhere").write_bytes(files["input.png"])
    (store.folder(finding.id) / "input.png").unlink()
    (store.folder(finding.id) / "input.png").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CorruptRecordError, match="symbolic link"):
        store.bytes_of(finding, finding.input)


def test_a_record_that_cannot_be_read_does_not_stop_the_others(store):
    found = [sample(number)[0] for number in range(4)]
    for number in range(4):
        store.save(*sample(number))
    by_id = sorted(found, key=lambda finding: finding.id)
    (store.folder(by_id[0].id) / "finding.json").write_text("{")
    (store.folder(by_id[2].id) / "finding.json").unlink()
    items = store.list()
    assert [isinstance(item, Damaged) for item in items] == [True, False, True, False]
    assert "edited or is damaged" in items[0].reason
    assert list(store.records()) == [by_id[1], by_id[3]]


def test_what_is_still_being_written_is_no_finding(store):
    store.save(*sample())
    (store.directory / ".part-0123").mkdir()
    assert len(store.ids()) == 1


def test_a_unique_beginning_stands_for_an_id(store):
    ids = ["abcd" + "0" * 12, "abce" + "0" * 12, "ffff" + "0" * 12]
    for at, finding_id in enumerate(ids):
        finding, files = sample(at)
        store.save(change(finding, id=finding_id), files)
    assert store.resolve("f") == ids[2]
    assert store.resolve(ids[0]) == ids[0]
    with pytest.raises(UsageError, match=f"2 findings: {ids[0]}, {ids[1]}"):
        store.resolve("abc")
    for wrong in ("7", ""):
        with pytest.raises(UsageError, match="no finding"):
            store.resolve(wrong)


def test_an_empty_store_has_nothing(store):
    assert store.ids() == []
    assert store.list() == []
    with pytest.raises(CorruptRecordError, match="missing"):
        store.load("ab" * 8)
    with pytest.raises(UsageError):
        store.load("../x")
