#!/usr/bin/env python3
"""A dictionary of words, and what libFuzzer prints of useful ones -> mlfuzz's readers of both.

Documented: nothing is raised (mlfuzz.codefuzz.corpus.dictionary): lines that are none are named. What was read is the
same after it was written, and every line is a word, a comment or named.
"""

import importlib
import re
import sys

HARNESS = {
    "name": "dictionary_mlfuzz",
    "about": "a dictionary -> words -> written -> the same words",
    "instrument": ["mlfuzz.codefuzz.corpus.dictionary"],
    "preload": ["mlfuzz.codefuzz.corpus.dictionary"],
    "seeds": "corpus/seeds/code/dictionary_mlfuzz",
    "dictionary": "corpus/seeds/code/dictionary_mlfuzz.dict",
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 1024,
}

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

from mlfuzz.codefuzz.corpus import dictionary

NUMBERED = re.compile(r"line (\d+): ")


def fuzz(data: bytes) -> None:
    words, refused = dictionary.parse(data)
    assert dictionary.parse(dictionary.written(words)) == (words, []), "written and read again, it differs"
    lines = data.splitlines()
    assert len(words) + len(refused) <= len(lines), "more words than lines"
    for one in refused:
        number = NUMBERED.match(one)
        assert number is not None, f"{one!a} names no line"
        assert 1 <= int(number[1]) <= len(lines), f"{one!a} names a line that is not there"
        assert one.isprintable(), f"{one!a} goes to a terminal"
    found = dictionary.recommended(data)
    assert all(2 <= len(word) <= dictionary.LONGEST for word in found), "a word of another length"
    kept = dictionary.combined(words, dictionary.learned(found, words), found)
    assert len(kept) <= dictionary.MOST, f"{len(kept)} words"
    assert len(kept) == len(set(kept)), "a word twice"


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
