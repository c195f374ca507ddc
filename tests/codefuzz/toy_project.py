"""A project with a small parser whose bugs are planted, its harness and its seeds: code that can be mended."""

from __future__ import annotations

from pathlib import Path

PARSER = '''
import ctypes
import os
import time

LIMITS = {"hang": 10.0, "memory": 96}


class FormatError(ValueError):
    """Documented."""


def parse(data):
    if data[:2] != b"TP":
        raise FormatError("no toy file")
    kind, rest = data[2:3], data[3:]
    if kind == b"E" and not FIXED:
        return {}[rest]
    if kind == b"D":
        return 1 / len(rest.strip(b"d"))
    if kind == b"R":
        return deep(rest)
    if kind == b"H" and not FIXED:
        time.sleep(LIMITS["hang"])
    if kind == b"M":
        return len(b"m" * (LIMITS["memory"] << 20))
    if kind == b"C":
        ctypes.string_at(0)
    if kind == b"X":
        os._exit(3)
    if kind == b"F":
        try:
            open("flaky", "x").close()
        except FileExistsError:
            return 0
        raise LookupError("the first time only")
    if kind == b"S":
        raise SystemExit(2)
    return len(rest)


def deep(rest):
    return deep(rest + b"r")


FIXED = False
'''

HARNESS = """
HARNESS = {
    "name": "toy",
    "about": "a toy file -> a toy parser",
    "instrument": ["toyparser"],
    "seeds": "corpus/seeds/code/toy",
    "dictionary": "corpus/seeds/code/toy.dict",
    "allowed": ["ValueError"],
    "seconds": 0.25,
    "mebibytes": 64,
    "length": 64,
}

import toyparser


def fuzz(data):
    toyparser.parse(data)
"""

PLAIN = """
import atheris
import sys

with atheris.instrument_imports():
    import toyparser


def TestOneInput(data):
    provider = atheris.FuzzedDataProvider(data)
    if provider.ConsumeInt(1) == 7 and provider.ConsumeUnicode(4) == "abc":
        raise KeyError("both")


def main():
    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
"""

SEEDS = {"plain.toy": b"TPaaaa", "longer.toy": b"TPzzzzzzzzzz", "other.toy": b"TPq"}


def build(root: Path) -> Path:
    """The project in `root`, which is returned."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "toyparser.py").write_text(PARSER)
    (root / "mlfuzz.toml").write_text("")
    harnesses, seeds = root / "harnesses", root / "corpus" / "seeds" / "code" / "toy"
    harnesses.mkdir(parents=True)
    seeds.mkdir(parents=True)
    (harnesses / "toy.py").write_text(HARNESS)
    (harnesses / "plain_toy.py").write_text(PLAIN)
    (root / "corpus" / "seeds" / "code" / "toy.dict").write_text('"TPE"\n"TPD"\n"TPE1"\n')
    for name, data in SEEDS.items():
        (seeds / name).write_bytes(data)
    return root


def mend(root: Path) -> None:
    """The parser without the bugs behind E and H."""
    (root / "toyparser.py").write_text(PARSER.replace("FIXED = False", "FIXED = True"))
