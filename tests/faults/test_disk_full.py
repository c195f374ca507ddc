"""A full disk stops the campaign with one clear error, keeps all that was acknowledged, and lets it go on later."""

import resource
import subprocess
import sys

import numpy as np
import pytest
from findings.samples import sample

from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Entry
from mlfuzz.errors import DiskFullError
from mlfuzz.findings.store import FindingStore
from mlfuzz.storage import durable
from mlfuzz.storage.checkpoint import Checkpoint, read_checkpoint, save_checkpoint
from mlfuzz.storage.durable import append_line
from mlfuzz.storage.reserve import Reserve
from mlfuzz.storage.workdir import Workdir


@pytest.fixture
def limit():
    """Caps the size of files this process may write: the write that crosses it is cut short, the next one refused."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def workdir(tmp_path):
    return Workdir.create(tmp_path / "c")


def fill(corpus):
    for number in range(len(corpus), 1000):
        corpus.add(Entry(seed=number), np.full(4, number, np.float32), b"p" * 500)


@pytest.mark.parametrize("size", [1, 40, 100, 130, 1000, 5000, 5017, 20_001, 50_000])
def test_all_that_was_acknowledged_before_a_full_disk_is_there_and_writing_goes_on_afterwards(workdir, limit, size):
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


def test_a_segment_that_cannot_begin_is_begun_when_there_is_room(workdir, limit, monkeypatch):
    corpus = Corpus.open(workdir, workdir.new_life(), segment_bytes=2000)
    real = durable.os.open
    refused = []

    def full(path, flags, *rest, **more):
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


def test_a_blob_that_does_not_fit_leaves_nothing_behind(workdir, limit):
    corpus = Corpus.open(workdir, workdir.new_life())
    limit(80_000)
    with pytest.raises(DiskFullError):
        corpus.add(Entry(), np.zeros(2, np.float32), b"x" * 100_000)
    limit(1 << 30)
    assert [path for path in workdir.blobs.rglob("*") if path.is_file()] == []
    assert len(corpus) == len(Corpus.open(workdir)) == 0


def test_the_last_checkpoint_outlives_one_that_does_not_fit(workdir, limit):
    path = workdir.checkpoint()
    save_checkpoint(path, Checkpoint({"a": np.zeros(3)}))
    limit(10_000)
    with pytest.raises(DiskFullError):
        save_checkpoint(path, Checkpoint({"a": np.zeros(30_000)}))
    limit(1 << 30)
    assert len(read_checkpoint(path).arrays["a"]) == 3
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_line_that_is_cut_short_is_taken_back(workdir, limit):
    append_line(workdir.progress, b"first")
    limit(10)
    with pytest.raises(DiskFullError):
        append_line(workdir.progress, b"second line")
    limit(1 << 30)
    append_line(workdir.progress, b"third")
    assert workdir.progress.read_bytes() == b"first\nthird\n"


def test_the_reserve_is_given_up_so_that_a_finding_is_saved_all_the_same(workdir, monkeypatch):
    reserve = Reserve(workdir.reserve, size_bytes=1 << 16)
    reserve.hold()
    real = durable.os.write

    def full_while_reserved(descriptor, data):
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


TMPFS = """
set -e
mount -t tmpfs -o size=1m tmpfs "$1"
exec "$2" -c "$3" "$1"
"""

FILL = """
import sys
from pathlib import Path
import numpy as np
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Entry
from mlfuzz.errors import DiskFullError
from mlfuzz.findings.finding import FileRef, Finding, identify
from mlfuzz.findings.store import FindingStore
from mlfuzz.storage.reserve import Reserve
from mlfuzz.storage.workdir import Workdir
import hashlib
workdir = Workdir.create(Path(sys.argv[1]) / "c")
reserve = Reserve(workdir.reserve, size_bytes=200_000)
assert reserve.hold()
corpus = Corpus.open(workdir, workdir.new_life())
try:
    while True:
        corpus.add(Entry(seed=len(corpus)), np.zeros(4, np.float32), b"p" * (70_000 if len(corpus) % 9 == 5 else 999))
except DiskFullError as error:
    assert "No space left" in str(error)
assert list(Corpus.open(workdir).seeds) == list(range(len(corpus)))
data = b"x" * 50_000
finding = Finding(id=identify(data, "t", "o"), side="model", kind="label", target="t",
                  input=FileRef("input.bin", hashlib.sha256(data).hexdigest()))
assert FindingStore(workdir.findings, reserve=reserve).save(finding, {"input.bin": data})
assert FindingStore(workdir.findings).load(finding.id) == finding
print(len(corpus), "entries")
"""


def test_a_disk_that_is_really_full_keeps_the_entries_and_takes_the_finding(tmp_path):
    probe = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("mounting a small disk needs the right to unshare mounts")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", TMPFS, "sh", str(tmp_path), sys.executable, FILL],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip().endswith("entries"), done.stderr
