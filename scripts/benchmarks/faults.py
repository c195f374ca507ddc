"""What goes wrong where kills, damage, full disks, hostile targets and surroundings meet mlfuzz: whole matrices.

    scripts/bench faults [NAME ...] [--share 1.0] [--case TEXT]

One JSON line a case, then one a matrix: cases, those broken, seconds. The tests of tests/faults draw a part of each
matrix by the commit's hash. Without a name, all of them, which takes hours. A case is named in its line: give it with
--case to run it again. Ends with 1 where a promise is broken.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# In place of this folder, whose faults.py would come before the tests' package of that name.
sys.path[0] = str(ROOT / "tests")

from faults.drawn import MATRICES, drawn, matrix  # noqa: E402


def main() -> int:
    """Run what is asked for."""
    names = sorted(path.stem for path in MATRICES.glob("[a-z]*.py"))
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("name", nargs="*", choices=[*names, []])
    options.add_argument("--share", type=float, default=1.0, help="part of each matrix, drawn by the commit's hash")
    options.add_argument("--case", default="", help="only cases that contain this")
    asked = options.parse_args()
    total = 0
    for name in asked.name or names:
        total += _run(name, asked.share, asked.case)
    return 1 if total else 0


def _run(name: str, share: float, only: str) -> int:
    found = matrix(name)
    every = [case for case in found.cases() if only in case]
    cases, broken, started = drawn(every, max(1, round(share * len(every)))), 0, time.monotonic()
    for case in cases:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="mlfuzz-faults-") as folder:
            try:
                wrong = found.broken(case, Path(folder))
            except Exception as error:  # noqa: BLE001 - what a case raises is what is wrong with it; the others go on
                wrong = f"{type(error).__name__}: {error}"
        broken += bool(wrong)
        seconds = round(time.monotonic() - begun, 2)
        print(json.dumps({"matrix": name, "case": case, "wrong": wrong, "seconds": seconds}), flush=True)
    print(json.dumps({
        "matrix": name, "promise": found.PROMISE, "cases": len(cases), "of": len(every), "broken": broken,
        "seconds": round(time.monotonic() - started, 1),
    }), flush=True)  # fmt: skip
    return broken


if __name__ == "__main__":
    sys.exit(main())
