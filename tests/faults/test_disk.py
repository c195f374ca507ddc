"""A disk that is full, fails, takes no writes, or goes away: nothing is lost, and it goes on."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from findings.samples import sample

from faults.bad_disk import bad_disk, from_then_on, once
from faults.drawn import drawn, matrix
from mlfuzz.cli.main import main
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Entry
from mlfuzz.errors import DiskFullError, StorageError
from mlfuzz.findings.store import FindingStore
from mlfuzz.storage import durable, room
from mlfuzz.storage.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from mlfuzz.storage.durable import append_line, clear_parts, new_folder, write_atomic
from mlfuzz.storage.lock import Lock
from mlfuzz.storage.parts import PART, part_name
from mlfuzz.storage.remedy import REMEDIES
from mlfuzz.storage.reserve import Reserve
from mlfuzz.storage.room import Room
from mlfuzz.storage.workdir import Workdir


@pytest.fixture
def workdir(tmp_path: Path) -> Workdir:
    return Workdir.create(tmp_path / "c")


def corpus_of(workdir: Workdir) -> Corpus:
    return Corpus.open(workdir, workdir.new_life())


def add(corpus: Corpus, count: int = 1) -> None:
    for _ in range(count):
        corpus.add(Entry(seed=len(corpus)), np.zeros(2, np.float32), b"p" * 100)


@pytest.mark.slow
@pytest.mark.parametrize("case", drawn(matrix("disk").cases(), 3))
def test_whichever_write_of_a_campaign_fails_nothing_acknowledged_is_lost_and_it_goes_on(
    case: str, tmp_path: Path
) -> None:
    assert not matrix("disk").broken(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", drawn(matrix("disk_verbs").cases(), 3))
def test_whichever_write_of_a_verb_fails_it_says_which_file_and_what_to_do(case: str, tmp_path: Path) -> None:
    assert not matrix("disk_verbs").broken(case, tmp_path)


def test_each_refusal_of_a_file_system_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    for number in REMEDIES:
        with bad_disk(once(1, number)), pytest.raises(StorageError) as raised:
            write_atomic(tmp_path / "f", b"data")
        assert str(tmp_path / "f") in str(raised.value)
        assert REMEDIES[number] in str(raised.value)
        assert raised.value.exit_code == 3
        assert list(tmp_path.iterdir()) == []


def test_a_refusal_that_nothing_below_has_answered_is_no_fault_of_mlfuzz(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (errno.ENOSPC, errno.EROFS, errno.EMFILE):

        def refused(*_: object, number: int = number, **__: object) -> None:
            raise OSError(number, os.strerror(number), "/some/file")

        monkeypatch.setattr("mlfuzz.cli.resolve.context.Context.resolve", refused)
        assert main(["-C", str(tmp_path), "config", "show"]) == 3
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert "please report" not in said
        assert "/some/file" in said
        assert REMEDIES[number][:20] in " ".join(said.split())


def test_a_sync_that_failed_is_never_taken_for_done_afterwards(workdir: Workdir) -> None:
    corpus = corpus_of(workdir)
    add(corpus)
    corpus.add(Entry(seed=1), np.zeros(2, np.float32), b"x" * 100_000)  # a blob beside the journal
    for _ in range(2):
        with bad_disk(lambda _at, name, _: errno.EIO if name == "fsync" else 0), pytest.raises(StorageError):
            corpus.sync()
    with pytest.raises(StorageError, match="disk fails"):
        corpus.sync()
    with pytest.raises(StorageError):
        corpus.close()
    assert len(Corpus.open(workdir)) == 2


def test_a_journal_whose_sync_failed_does_not_say_that_it_ended_well(workdir: Workdir) -> None:
    corpus = corpus_of(workdir)
    add(corpus)
    with bad_disk(lambda _at, name, _: errno.EIO if name == "fdatasync" else 0), pytest.raises(StorageError):
        corpus.sync()
    before = {path: path.stat().st_size for path in workdir.journal.rglob("*.mlj")}
    corpus.close()
    assert {path: path.stat().st_size for path in workdir.journal.rglob("*.mlj")} == before
    assert len(Corpus.open(workdir)) == 1


def test_a_record_that_could_not_be_taken_back_stands_before_none_that_is_kept(workdir: Workdir) -> None:
    corpus = corpus_of(workdir)
    add(corpus, 3)
    segment = next(workdir.journal.rglob("*.mlj"))

    def torn(_at: int, name: str, arguments: tuple[object, ...]) -> int:
        if name == "write":
            os.write(int(str(arguments[0])), b"half a rec")
        return errno.EIO if name in ("write", "ftruncate") else 0

    with bad_disk(torn), pytest.raises(StorageError):
        add(corpus)
    assert segment.read_bytes().endswith(b"half a rec")
    add(corpus, 2)
    corpus.close()
    again = Corpus.open(workdir)
    assert list(again.seeds) == list(range(5))


def test_all_that_a_killed_process_was_writing_goes_at_the_next_start(workdir: Workdir) -> None:
    dead = f"{PART}{2**22 + 1}-{'0' * 16}"  # no process has this number
    (workdir.findings / dead).mkdir()
    (workdir.findings / dead / "input.png").write_bytes(b"half")
    (workdir.derived / dead).write_bytes(b"half")
    alive = part_name(workdir.derived / "x")
    alive.write_bytes(b"being written")
    own = workdir.derived / ".part-of-somebody-else"
    own.write_bytes(b"kept")
    clear_parts(workdir.root)
    assert not (workdir.findings / dead).exists()
    assert not (workdir.derived / dead).exists()
    assert alive.exists()
    assert own.exists()


def test_a_folder_that_is_exported_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    for at in range(1, 5):
        with (
            bad_disk(from_then_on(at, errno.ENOSPC)),
            pytest.raises(DiskFullError, match="/out"),
            new_folder(tmp_path / "out") as part,
        ):
            write_atomic(part / "one", b"1", sync=False)
        assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").mkdir()
    with new_folder(tmp_path / "empty") as part:
        write_atomic(part / "one", b"1", sync=False)
    assert (tmp_path / "empty" / "one").read_bytes() == b"1"


def test_a_campaign_waits_for_room_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, False, True])
    monkeypatch.setattr(room, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(room, "has_room", lambda _: next(answers))
    said: list[str] = []
    Room(tmp_path, said.append, lambda: False).wait(DiskFullError("f: full"))
    assert said[0].startswith("f: full; waiting 60 s")
    assert said[1] == "there is room again: going on"


@pytest.mark.parametrize("there", [True, False])
def test_what_room_does_not_mend_or_where_none_comes_is_an_error(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(room, "has_room", lambda _: there)
    with pytest.raises(DiskFullError, match="full"):
        Room(tmp_path, print, lambda: False).wait(DiskFullError("f: full"), seconds=0.02)


def test_whether_there_is_room_is_tried_and_leaves_nothing(tmp_path: Path) -> None:
    assert room.has_room(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not room.has_room(tmp_path / "gone")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS], ids=errno.errorcode.get)
def test_a_file_system_without_locks_is_refused_with_what_is_needed(
    number: int, workdir: Workdir, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    finding, files = sample()
    store = FindingStore(workdir.findings)
    store.save(finding, files)
    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(StorageError, match="local disk"):
        Lock.acquire(workdir.lock)
    with pytest.raises(StorageError, match="local disk"):
        store.annotate(finding.id, note="seen")
    assert store.load(finding.id) == finding


@pytest.mark.parametrize("how", ["moved", "replaced"])
def test_a_folder_that_goes_away_under_a_campaign_is_said_and_nothing_is_written_elsewhere(
    how: str, workdir: Workdir, tmp_path: Path
) -> None:
    corpus = corpus_of(workdir)
    add(corpus, 3)
    corpus.sync()
    lock = Lock.acquire(workdir.lock)
    lock.require_in_place()
    os.rename(workdir.root, tmp_path / "away")
    if how == "replaced":
        Workdir.create(workdir.root)
    finding, files = sample()
    with pytest.raises(StorageError, match="moved, removed or replaced"):
        lock.require_in_place()
    if how != "replaced":
        with pytest.raises(StorageError, match="is not there"):
            write_atomic(workdir.stats, b"{}")
        with pytest.raises(StorageError, match="is not there"):
            FindingStore(workdir.findings).save(finding, files)
        assert not workdir.root.exists()
    lock.release()
    assert len(Corpus.open(Workdir.open(tmp_path / "away"))) == 3


STRANGE = (
    "a b", "a\nb", "a'b\"c", "50%s", "[red]x[bold]", "-dash", "é", "e\u0301", "a,b", "..a", "$HOME", "a\\b", "\t", "*?",
    "CASE", "case",
)  # fmt: skip


def test_a_campaign_lies_in_any_folder_that_has_a_name_in_utf_8(tmp_path: Path) -> None:
    for name in STRANGE:
        workdir = Workdir.create(tmp_path / name / ".." / name / "c")
        corpus = corpus_of(workdir)
        add(corpus, 2)
        corpus.close()
        (tmp_path / "link").symlink_to(tmp_path / name)
        assert len(Corpus.open(Workdir.open(tmp_path / "link" / "c"))) == 2
        (tmp_path / "link").unlink()


def test_a_folder_whose_name_is_no_utf_8_is_refused_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff\xfe"))
    folder.mkdir()
    for verb in (("config", "show"), ("status",)):
        assert main(["-C", str(folder), *verb]) == 2
        assert "rename it" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("name", ["n" * 300, "/".join(["d" * 200] * 25)], ids=["name", "path"])
def test_a_path_that_is_too_long_is_said_to_be(name: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="shorter"):
        Workdir.create(tmp_path / name)


def test_two_who_save_while_the_disk_comes_and_goes_lose_nothing_that_was_acknowledged(workdir: Workdir) -> None:
    kept: list[int] = []
    corpora = [Corpus.open(workdir, workdir.new_life(worker)) for worker in range(2)]

    def work(corpus: Corpus) -> None:
        for number in range(40):
            try:
                corpus.add(Entry(seed=number), np.zeros(2, np.float32), b"p" * 50)
                kept.append(number)
            except DiskFullError:
                continue

    with bad_disk(lambda at, name, _: errno.ENOSPC if at % 3 == 0 and name != "ftruncate" else 0):
        threads = [threading.Thread(target=work, args=(corpus,)) for corpus in corpora]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    again = Corpus.open(workdir)
    assert sorted(again.seeds) == sorted(kept)
    assert again.damaged == []


Limit: TypeAlias = Callable[[int], None]


@pytest.fixture
def limit() -> Iterator[Limit]:
    """Caps the size of files this process may write: the write that crosses it is cut short, the next one refused."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill(corpus: Corpus) -> None:
    for number in range(len(corpus), 1000):
        corpus.add(Entry(seed=number), np.full(4, number, np.float32), b"p" * 500)


@pytest.mark.parametrize("size", [1, 40, 100, 130, 1000, 5000, 5017, 20_001, 50_000])
def test_all_that_was_acknowledged_before_a_full_disk_is_there_and_writing_goes_on_afterwards(
    workdir: Workdir, limit: Limit, size: int
) -> None:
    life = workdir.new_life()
    if size < 90:  # not even the first frame has room
        limit(size)
        with pytest.raises(DiskFullError, match=life):
            Corpus.open(workdir, life)
        limit(1 << 30)
    corpus = Corpus.open(workdir, life)
    limit(size)
    for _ in range(2):
        with pytest.raises(DiskFullError, match="make room"):
            fill(corpus)
    limit(1 << 30)
    added = len(corpus)
    assert added >= size // 700
    assert list(Corpus.open(workdir).seeds) == list(range(added))
    corpus.add(Entry(seed=added), np.full(4, added, np.float32), b"later")
    corpus.close()
    again = Corpus.open(workdir)
    assert list(again.seeds) == list(range(added + 1))
    assert again.payload(added) == b"later"
    assert again.damaged == []
    assert again.pending == {}


def test_a_segment_that_cannot_begin_is_begun_when_there_is_room(
    workdir: Workdir, limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = Corpus.open(workdir, workdir.new_life(), segment_bytes=2000)
    real = durable.os.open
    refused: list[Any] = []

    def full(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if str(path).endswith("000002.mlj") and len(refused) < 2:
            refused.append(path)
            raise OSError(28, "No space left on device")
        return real(path, flags, *rest, **more)

    added = 0
    monkeypatch.setattr(durable.os, "open", full)
    while added < 10:
        try:
            corpus.add(Entry(seed=added), np.zeros(2, np.float32), b"p" * 500)
            added += 1
        except DiskFullError:
            continue
    assert len(refused) == 2
    assert list(Corpus.open(workdir).seeds) == list(range(10))
    assert Corpus.open(workdir).damaged == []


def test_a_blob_that_does_not_fit_leaves_nothing_behind(workdir: Workdir, limit: Limit) -> None:
    corpus = Corpus.open(workdir, workdir.new_life())
    limit(80_000)
    with pytest.raises(DiskFullError):
        corpus.add(Entry(), np.zeros(2, np.float32), b"x" * 100_000)
    limit(1 << 30)
    assert [path for path in workdir.blobs.rglob("*") if path.is_file()] == []
    assert len(corpus) == len(Corpus.open(workdir)) == 0


def test_the_last_checkpoint_outlives_one_that_does_not_fit(workdir: Workdir, limit: Limit) -> None:
    path = workdir.checkpoint()
    save_checkpoint(path, Checkpoint({"a": np.zeros(3)}))
    limit(10_000)
    with pytest.raises(DiskFullError):
        save_checkpoint(path, Checkpoint({"a": np.zeros(30_000)}))
    limit(1 << 30)
    assert len(read_checkpoint(path).arrays["a"]) == 3
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_line_that_is_cut_short_is_taken_back(workdir: Workdir, limit: Limit) -> None:
    append_line(workdir.progress, b"first")
    limit(10)
    with pytest.raises(DiskFullError):
        append_line(workdir.progress, b"second line")
    limit(1 << 30)
    append_line(workdir.progress, b"third")
    assert workdir.progress.read_bytes() == b"first\nthird\n"


def test_the_reserve_is_given_up_so_that_a_finding_is_saved_all_the_same(
    workdir: Workdir, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = Reserve(workdir.reserve, size_bytes=1 << 16)
    reserve.hold()
    real = durable.os.write

    def full_while_reserved(descriptor: int, data: bytes) -> int:
        if reserve.held:
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(durable.os, "write", full_while_reserved)
    finding, files = sample()
    with pytest.raises(DiskFullError):
        FindingStore(workdir.findings).save(finding, files)
    assert list(workdir.findings.iterdir()) == []
    assert FindingStore(workdir.findings, reserve=reserve).save(finding, files)
    assert not reserve.held
    assert FindingStore(workdir.findings).load(finding.id) == finding
