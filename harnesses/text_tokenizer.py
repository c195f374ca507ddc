#!/usr/bin/env python3
"""A JSON request in UTF-8 -> tokens: the door of a text service. Tokens must spell the text again.

Documented: UnicodeDecodeError and JSONDecodeError are ValueErrors (reference of bytes.decode and json.loads); Refused
is what the service does not take. The tokenizer is native and gives no coverage: blind, but for the JSON reader, whose
pure-Python scanner is put in.
"""

import contextlib
import importlib
import importlib.util
import os
import sys

HARNESS = {
    "name": "text_tokenizer",
    "about": "a JSON request -> tokens -> the text again",
    "instrument": ["json"],
    "preload": ["json", "json.decoder", "json.scanner"],
    "seeds": "corpus/seeds/code/text_tokenizer",
    "dictionary": "corpus/seeds/code/text_tokenizer.dict",
    "allowed": ["ValueError", "Refused"],
    "seconds": 1.0,
    "mebibytes": 512,
    "length": 2048,
    "blind": True,
    "mutator": "json",
}

if importlib.util.find_spec("tokenizers") is None:
    raise ImportError("text_tokenizer needs tokenizers: pip install 'mlfuzz[harnesses]'")

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

import json
import json.decoder
import json.scanner

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # a process with its threads cannot be forked
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

MAX_TEXTS, MAX_TOKENS = 8, 4096


class Refused(Exception):
    """A request that the service does not take."""


def _reader() -> json.JSONDecoder:
    reader = json.JSONDecoder()
    reader.parse_string = json.decoder.py_scanstring
    reader.scan_once = json.scanner.py_make_scanner(reader)
    return reader


def _tokenizer() -> Tokenizer:
    """Byte-level, with a few merges and two special tokens."""
    vocabulary = {char: number for number, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    merges = [("t", "h"), ("th", "e"), ("\u0120", "the"), ("i", "n"), ("e", "r")]
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(["<s>", "</s>"])
    return made


READER, TOKENIZER = _reader(), _tokenizer()


def texts_of(request: object) -> list[str]:
    """{"inputs": text or [text, ...], "parameters": {"truncate": tokens}} -> the texts. Raises Refused."""
    if not isinstance(request, dict) or not isinstance(request.get("parameters", {}), dict):
        raise Refused("not an object")
    inputs = request.get("inputs")
    texts = inputs if isinstance(inputs, list) else [inputs]
    if len(texts) > MAX_TEXTS or not all(isinstance(text, str) for text in texts):
        raise Refused("inputs are a text, or a few of them")
    if any("\ud800" <= char <= "\udfff" for text in texts for char in text):
        raise Refused("half a surrogate pair")
    return texts


def limit_of(request: dict) -> int:
    limit = request.get("parameters", {}).get("truncate", MAX_TOKENS)
    if isinstance(limit, bool) or not isinstance(limit, int) or not 0 < limit <= MAX_TOKENS:
        raise Refused("truncate is a number of tokens")
    return limit


def fuzz(data: bytes) -> None:
    request = READER.decode(data.decode("utf-8"))
    texts = texts_of(request)
    limit = limit_of(request)
    for text, encoding in zip(texts, TOKENIZER.encode_batch(texts), strict=True):
        assert len(encoding.ids) == len(encoding.offsets), "tokens without a place"
        assert all(0 <= start <= end <= len(text) for start, end in encoding.offsets), "a place outside the text"
        assert TOKENIZER.decode(encoding.ids, skip_special_tokens=False) == text, "tokens that spell another text"
        encoding.truncate(limit)
        assert len(encoding.ids) <= limit, "more tokens than asked for"


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress(ValueError, Refused):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
