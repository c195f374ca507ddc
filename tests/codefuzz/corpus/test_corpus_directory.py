from __future__ import annotations

import hashlib

import pytest

from mlfuzz.codefuzz.corpus.corpus_directory import WorkingCorpus, is_named
from mlfuzz.errors import StorageError


@pytest.fixture
def corpus(tmp_path):
    return WorkingCorpus(tmp_path / "corpus").make()


def test_an_input_is_kept_once_under_the_name_that_libfuzzer_gives_it(corpus):
    assert corpus.add(b"abc")
    assert not corpus.add(b"abc")
    (path,) = corpus.files()
    assert path.name == hashlib.sha1(b"abc").hexdigest()
    assert is_named(path)
    assert b"abc" in corpus
    assert b"abd" not in corpus


def test_files_under_other_names_are_found_and_named_anew(corpus):
    corpus.add(b"good")
    (corpus.folder / "by-hand").write_bytes(b"other")
    (corpus.folder / ".hidden").write_bytes(b"not an input")
    assert [path.name for path in corpus.wrong()] == ["by-hand"]
    assert corpus.rename() == 1
    assert corpus.wrong() == []
    assert len(corpus) == 2


def test_keeping_only_some_removes_the_others_but_never_all(corpus):
    for data in (b"a", b"bb", b"ccc"):
        corpus.add(data)
    smallest = min(corpus.files(), key=lambda path: path.stat().st_size)
    with pytest.raises(StorageError, match="left as it is"):
        corpus.keep_only([corpus.folder / "nothing"])
    assert len(corpus) == 3
    assert corpus.keep_only([smallest]) == 2
    assert corpus.files() == [smallest]


def test_figures_of_sizes(corpus):
    assert corpus.figures().files == 0
    for data in (b"a", b"bb", b"cccccc"):
        corpus.add(data)
    figures = corpus.figures()
    assert (figures.files, figures.bytes, figures.smallest, figures.median, figures.largest) == (3, 9, 1, 2, 6)


def test_files_of_others_are_copied(corpus, tmp_path):
    (tmp_path / "x").write_bytes(b"1")
    (tmp_path / "y").write_bytes(b"1")
    assert corpus.adopt([tmp_path / "x", tmp_path / "y"]) == 1
    with pytest.raises(StorageError, match="cannot be read"):
        corpus.adopt([tmp_path / "gone"])
