"""The cache of instrumented code: old things go, others stay, whoever else uses it."""

from __future__ import annotations

import os
import time

import pytest

from mlfuzz.codefuzz.loading import instrumentation_cache
from mlfuzz.codefuzz.loading.instrumentation_cache import DAY, PRUNED, prune

VERSION = "0123456789abcdef0123"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def keep(cache, name, *, days, size=10, version=VERSION):
    path = cache / version / name[:2] / name[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    return path


def test_what_nobody_used_for_a_month_goes_with_its_folder(cache):
    old, new = keep(cache, "aaold", days=31), keep(cache, "bbnew", days=29)
    assert prune(cache) == 1
    assert not old.parent.exists()
    assert new.exists()


def test_the_oldest_go_until_the_rest_fits(cache):
    oldest, middle, newest = (keep(cache, f"aa{day}", days=day, size=100) for day in (9, 5, 1))
    assert prune(cache, most_bytes=250) == 1
    assert [path.exists() for path in (oldest, middle, newest)] == [False, True, True]


def test_the_code_of_another_version_counts_too(cache):
    other = keep(cache, "aaold", days=40, version="f" * 20)
    assert prune(cache) == 1
    assert not other.parents[1].exists()


def test_files_of_somebody_else_are_left_alone(cache):
    foreign = keep(cache, "aathesis", days=99, version="my-thesis")
    beside = keep(cache, "aa1", days=1).parents[1] / "notes.txt"
    beside.write_text("mine")
    os.utime(beside, (0, 0))
    assert prune(cache) == 0
    assert foreign.exists()
    assert beside.exists()


def test_it_looks_once_a_day(cache):
    keep(cache, "aa1", days=1)
    assert prune(cache) == 0
    late = keep(cache, "aalate", days=31)
    assert prune(cache) == 0
    os.utime(cache / PRUNED, (0, 0))
    assert prune(cache) == 1
    assert not late.exists()


def test_a_file_that_another_process_removes_meanwhile_is_no_error(cache, monkeypatch):
    first, second = keep(cache, "aa1", days=31), keep(cache, "bb2", days=31)
    genuine = instrumentation_cache._remove

    def raced(path):
        path.unlink()
        return genuine(path)

    monkeypatch.setattr(instrumentation_cache, "_remove", raced)
    assert prune(cache) == 0
    assert not first.exists()
    assert not second.exists()


def test_no_cache_is_no_error_and_none_is_made(cache):
    assert prune(cache) == 0
    assert not cache.exists()
