"""Instrumented code that is kept does and reaches what atheris' own does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.harness.declaration import read
from mlfuzz.codefuzz.harness.engine import Options

pytestmark = pytest.mark.skipif(bool(AtherisEngine().available()), reason=AtherisEngine().available() or "available")

TRIAL = """
import json, os, sys, tempfile
import atheris
from mlfuzz.codefuzz.loading.instrumentation_cache import Store
name, path, text = "{name}", {path!r}, open({path!r}, "rb").read()
plain = compile(text, path, "exec")
def reached(code):
    edges = set()
    atheris._trace_branch = edges.add
    names = dict(__name__="subject")
    exec(code, names)
    answers = [names["work"](data) for data in {inputs!r}]
    return answers, len(edges)
folder = {folder!r}
results = [reached(atheris.patch_code(plain, True))]
for _ in range(2):
    store = Store(atheris, folder)
    assert store.trustworthy()
    results.append(reached(store.code(name, path, lambda: plain)))
    results.append([store.hits, store.misses])
print(json.dumps(results))
"""

SUBJECT = '''
"""A little of everything that bytecode can be."""
import contextlib

class Odd(Exception):
    pass

def numbers(limit):
    while limit > 3:
        limit -= 2
        yield limit

@contextlib.contextmanager
def held():
    try:
        yield 7
    finally:
        pass

def work(text):
    first, *rest = list(text) or ["x"]
    total = sum(n for n in numbers(len(text) + 5) if n != 7)
    with held() as seven:
        total += seven if first == "a" else 1
    try:
        match rest:
            case ["b", *_]:
                raise Odd("b")
            case []:
                total *= 2
            case _:
                total += len({one for one in rest if one > "c"})
    except Odd as error:
        total += len(str(error))
    else:
        total -= 1
    pick = lambda value: 1 if value == 4294967296 or value == 5 else 0
    return [total, pick(total), 0 < total < 100, f"{first!r:>4}"]
'''


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    folder = tmp_path_factory.mktemp("instrument")
    path = folder / "subject.py"
    path.write_text(SUBJECT)
    inputs = ["", "a", "ab", "abc", "zzz", "acdefgh"]
    code = TRIAL.format(name="subject", path=str(path), inputs=inputs, folder=str(folder / "kept"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_code_that_was_kept_answers_and_reaches_as_atheris_own_does(trial):
    own, written, _, read_back, _ = trial
    assert own == written == read_back
    assert own[1] > 20


def test_the_second_time_nothing_is_instrumented(trial):
    _, _, first, _, second = trial
    assert (first, second) == ([0, 1], [1, 0])


def harness(tmp_path: Path, text: str = "") -> Path:
    (tmp_path / "subject.py").write_text(SUBJECT + text)
    path = tmp_path / "harness.py"
    path.write_text(
        'HARNESS = {"instrument": ["subject"], "length": 16}\nimport subject\n'
        "def fuzz(data):\n    subject.work(data.decode('latin-1'))\n"
    )
    return path


def starts(path: Path, cache: Path, corpus: Path) -> tuple[bool, int, int]:
    with AtherisEngine().prepare(read(path), Options(cache=str(cache), project=str(path.parent))) as session:
        progress = session.fuzz(corpus, seconds=60, runs=3000, on_failure=print, on_progress=lambda _: None)
        return session.prepared.cached, progress.edges, progress.features


def test_edges_and_features_are_equal_with_and_without_the_cache(tmp_path):
    path, cache = harness(tmp_path), tmp_path / "cache"
    first = starts(path, cache, tmp_path / "c1")
    second = starts(path, cache, tmp_path / "c2")
    assert (first[0], second[0]) == (False, True)
    assert first[1:] == second[1:]
    assert first[1] > 20


def test_changed_source_is_instrumented_again(tmp_path):
    path, cache = harness(tmp_path), tmp_path / "cache"
    starts(path, cache, tmp_path / "c1")
    harness(tmp_path, "\ndef more(value):\n    return 1 if value else 2\n")
    assert not starts(path, cache, tmp_path / "c2")[0]


def test_a_damaged_entry_is_made_anew(tmp_path):
    path, cache = harness(tmp_path), tmp_path / "cache"
    first = starts(path, cache, tmp_path / "c1")
    for file in cache.rglob("*"):
        if file.is_file() and file.name != "proved":
            file.write_bytes(file.read_bytes()[:-3] + b"\x07\x07\x07")
    again = starts(path, cache, tmp_path / "c2")
    assert not again[0]
    assert again[1:] == first[1:]


def test_an_entry_that_is_used_is_not_the_oldest_any_more(tmp_path):
    path, cache = harness(tmp_path), tmp_path / "cache"
    starts(path, cache, tmp_path / "c1")
    entries = [file for file in cache.rglob("*") if file.is_file() and len(file.name) == 38]
    for file in entries:
        os.utime(file, (1, 1))
    AtherisEngine().prepare(read(path), Options(cache=str(cache), project=str(tmp_path))).close()
    assert entries
    assert all(file.stat().st_mtime > 1e9 for file in entries)


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path):
    path = harness(tmp_path)
    (tmp_path / "cache").write_text("a file where a folder should be")
    assert starts(path, tmp_path / "cache", tmp_path / "c1")[1] > 20


def test_what_was_kept_before_is_known_by_its_mark():
    from mlfuzz.codefuzz.loading.instrumentation_cache import MARK

    assert MARK == "__MLFUZZ_RELOCATE__"
