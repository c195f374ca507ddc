"""What becomes of inputs that fail in every way there is, in each place where mlfuzz runs them: one JSON line a cell.

    scripts/bench matrix [--kinds TEXT ...] [--places campaign replay ...] [--load 0] [--share 1.0] [--table]

Kinds stand in tests/codefuzz/every_kind.py, with what is right of each. A cell is right where that is told, and where
the campaign goes on after it. The tests draw a part of the kinds by the commit's hash; the whole takes half an hour.
--load: so many processes that compute meanwhile. --table: at the end what docs/failures-matrix.md says of it. Ends with
1 where a cell is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT / "tests")

from codefuzz import places  # noqa: E402
from codefuzz.every_kind import WAYS  # noqa: E402
from faults.drawn import drawn  # noqa: E402

BUSY = "while True: pass"


def main() -> int:
    """Run what is asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kinds", nargs="*", default=[], help="only those whose name contains one of these")
    options.add_argument("--places", nargs="*", default=list(places.PLACES), choices=places.PLACES)
    options.add_argument("--load", type=int, default=0, help="processes that compute meanwhile")
    options.add_argument("--share", type=float, default=1.0, help="part of the kinds, drawn by the commit's hash")
    options.add_argument("--table", action="store_true", help="rows of the document at the end")
    asked = options.parse_args()
    every = [name for name in WAYS if not asked.kinds or any(text in name for text in asked.kinds)]
    names = drawn(every, max(1, round(asked.share * len(every))))
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(asked.load)]
    try:
        right, wrong = _run(names, asked.places)
    finally:
        for one in busy:
            one.kill()
    if asked.table:
        print("\n".join(_table(names, asked.places, right)))
    return 1 if wrong else 0


def _run(names: list[str], asked: list[str]) -> tuple[Counter[tuple[str, str]], int]:
    """Right cells by kind of failure and place, and the number of wrong ones."""
    right: Counter[tuple[str, str]] = Counter()
    wrong, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mlfuzz-matrix-") as folder, places.opened(Path(folder)) as opened:
        then = began
        for name, place, answer in opened.answers(names, asked):
            words, now = places.wrong(name, place, answer), time.monotonic()
            right[WAYS[name][0][0], place] += not words
            wrong += bool(words)
            print(json.dumps({
                "kind": name, "place": place, "told": f"{answer.kind} {answer.type}".strip(), "wrong": words,
                "seconds": round(now - then, 2),
            }), flush=True)  # fmt: skip
            then = now
    print(json.dumps({
        "kinds": len(names), "of": len(WAYS), "cells": len(names) * len(asked), "wrong": wrong,
        "seconds": round(time.monotonic() - began), "load": round(os.getloadavg()[0], 1),
    }), flush=True)  # fmt: skip
    return right, wrong


def _table(names: list[str], asked: list[str], right: Counter[tuple[str, str]]) -> list[str]:
    counts = Counter(WAYS[name][0][0] for name in names)
    lines = [f"| told as | kinds | {' | '.join(asked)} |", "|---|---|" + "---|" * len(asked)]
    for kind, count in sorted(counts.items()):
        lines.append(f"| `{kind}` | {count} | {' | '.join(str(right[kind, place]) for place in asked)} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
