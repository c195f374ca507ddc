#!/usr/bin/env python3
"""A campaign's small files -> mlfuzz's readers: figures, progress, settings, entries. The first byte says which.

Documented: SchemaError (mlfuzz.progress, mlfuzz.campaign.spec); of an entry msgspec.DecodeError, which the corpus
counts. What was taken is the same after it was written; of a progress file each line is a record or named.
"""

import contextlib
import importlib
import sys
from pathlib import Path

HARNESS = {
    "name": "progress_mlfuzz",
    "about": "stats.json, progress.jsonl, worker.json, ... -> records -> written -> the same",
    "instrument": [
        "mlfuzz.progress", "mlfuzz.decoding", "mlfuzz.campaign.spec", "mlfuzz.campaign.worker.combined_stats",
        "mlfuzz.campaign.isolation.flight_recorder", "mlfuzz.corpus.entry", "mlfuzz.mutation",
    ],
    "preload": [
        "mlfuzz.progress", "mlfuzz.campaign.spec", "mlfuzz.campaign.worker.combined_stats",
        "mlfuzz.campaign.isolation.flight_recorder", "mlfuzz.corpus.entry",
    ],
    "seeds": "corpus/seeds/code/progress_mlfuzz",
    "dictionary": "corpus/seeds/code/progress_mlfuzz.dict",
    "allowed": ["mlfuzz.errors.SchemaError", "msgspec.DecodeError"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 2048,
}  # fmt: skip

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

import msgspec

from mlfuzz.campaign import spec
from mlfuzz.campaign.isolation import flight_recorder
from mlfuzz.campaign.worker.combined_stats import combined_progress, combined_stats, of_all
from mlfuzz.corpus import entry
from mlfuzz.errors import SchemaError
from mlfuzz.progress import best_operators, read_progress, read_stats

FLIGHT = Path("flight")  # where the run is, which differs from where it was imported


def stats(content: bytes) -> None:
    read = read_stats(content)
    assert read_stats(msgspec.json.encode(read)) == read, "written and read again, it differs"
    assert len(best_operators(read.operators)) <= 4, "more than were asked for"


def two_stats(content: bytes) -> None:
    """What two workers have counted; each line one's."""
    parts = [read_stats(line) for line in content.split(b"\n")[:3]]
    total = combined_stats(parts[0], parts, lives=2)
    assert total.inputs == parts[0].inputs + sum(part.inputs for part in parts), "inputs that nobody counted"


def progress(content: bytes) -> None:
    messages: list[str] = []
    records = read_progress(content, tell=messages.append)
    assert len(records) <= content.count(b"\n"), "more records than lines"
    assert bool(messages) == (len(records) < content.count(b"\n")), "a line that nobody names"
    again = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
    assert read_progress(again) == records, "written and read again, it differs"
    if records:
        combined_progress(read_stats(b'{"campaign": "c", "started": ""}'), records, of_all([]))


def settings(content: bytes) -> None:
    read = spec.loads(content)
    assert spec.loads(spec.dumps(read)) == read, "written and read again, it differs"


def record(content: bytes) -> None:
    seen, whole = entry.glance(content), None
    with contextlib.suppress(msgspec.DecodeError):
        whole = entry.loads(content)
    if whole is not None and isinstance(seen, entry.EntryRow):
        assert (seen.life, seen.sequence, seen.seed) == (whole.life, whole.sequence, whole.seed), "two readings"
        assert entry.loads(entry.dumps(whole)) == whole, "written and read again, it differs"


def flight(content: bytes) -> None:
    FLIGHT.write_bytes(content)
    read = flight_recorder.read_flight(FLIGHT)
    flight_recorder.doing(flight_recorder.read_pulse(FLIGHT))
    assert read is None or len(read.parents) % 16 == 0, "half an identity"


READERS = {
    b"s": stats, b"2": two_stats, b"p": progress, b"w": settings, b"t": spec.target_digest, b"b": spec.banned_entries,
    b"e": record, b"f": flight,
}  # fmt: skip


def fuzz(data: bytes) -> None:
    if data[:1] in READERS:
        READERS[data[:1]](data[1:])


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(SchemaError, msgspec.DecodeError):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
