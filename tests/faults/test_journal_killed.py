"""A writer that is killed at any instant loses nothing that it has acknowledged."""

import os
import random
import signal
import struct
import subprocess
import sys

import pytest

from mlfuzz.corpus.corpus import Corpus
from mlfuzz.storage.workdir import Workdir

WRITER = """
import hashlib, os, random, struct, sys
from pathlib import Path
import numpy as np
from mlfuzz.corpus.corpus import Corpus
from mlfuzz.corpus.entry import Entry
from mlfuzz.storage.workdir import Workdir
workdir = Workdir(Path(sys.argv[1]))
corpus = Corpus.open(workdir, workdir.new_life(), segment_bytes=200_000)
rng = random.Random(int(sys.argv[2]))
while True:
    row = len(corpus)
    payload = struct.pack("<Q", row) + rng.randbytes(rng.choice((10, 1000, 30_000, 70_000)))
    parent = corpus.identity(rng.randrange(row)) if row else None
    corpus.add(Entry(seed=row, parent=parent), np.full(8, row, np.float32), payload)
    os.write(1, struct.pack("<Q16s", row, hashlib.md5(payload).digest()))
"""

ACK = struct.Struct("<Q16s")


def killed_writer(workdir, seed, kill_after):
    """Acknowledgements that came through before the kill: (row, digest of its payload)."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(workdir.root), str(seed)], stdout=subprocess.PIPE, bufsize=0
    )
    acked = b""
    while len(acked) < kill_after * ACK.size:
        chunk = os.read(writer.stdout.fileno(), 1 << 16)
        assert chunk, "the writer ended by itself"
        acked += chunk
    writer.send_signal(signal.SIGKILL)
    acked += writer.stdout.read()
    writer.stdout.close()
    writer.wait()
    return [ACK.unpack_from(acked, at) for at in range(0, len(acked) - ACK.size + 1, ACK.size)]


def check_kills(workdir, count):
    import hashlib

    rng = random.Random(count)
    expected = []
    for kill in range(count):
        expected += killed_writer(workdir, kill, rng.randrange(1, 200))
        corpus = Corpus.open(workdir)
        assert corpus.damaged == []
        assert corpus.unreadable == 0
        rows = {int(seed): row for row, seed in enumerate(corpus.seeds)}
        assert len(rows) == len(corpus), "an entry is there twice"
        for row, digest in expected:
            assert hashlib.md5(corpus.payload(rows[row])).digest() == digest
            assert corpus.vectors[rows[row], 0] == row
        assert (corpus.parents[1:] >= 0).all()
        # What was written and never acknowledged is whole as well; the next life counts on from it.
        assert all(len(corpus.payload(row)) for row in range(len(corpus)))
    assert len(Workdir(workdir.root).lives()) == count


@pytest.mark.slow
def test_three_kills_lose_no_acknowledged_entry(tmp_path):
    check_kills(Workdir.create(tmp_path / "c"), 3)


@pytest.mark.slow
def test_twenty_kills_lose_no_acknowledged_entry(tmp_path):
    check_kills(Workdir.create(tmp_path / "c"), 20)
