"""mlfuzz against what others have: their loops, and the operators of libraries for augmentation. JSON lines.

    scripts/bench peers --install                                    once: the libraries, into .peers/ (550 MB)
    scripts/bench peers tensorfuzz [--corpora 1,1000,5000,20000] [--seconds 4] [--batch 4096]
    scripts/bench peers deephunter foolbox art [--seconds 4]
    scripts/bench peers images audio text [--only rotate,jpeg] [--rows 256] [--seconds 0.3]
    scripts/bench peers licences

Loops: the same model, noise operator and objective on both sides; ratio is our inputs a CPU second over theirs, in
turns, the median over the rounds. TensorFuzz's and DeepHunter's loops are written anew as they were released; Foolbox
and ART are the libraries themselves. Operators: microseconds a row of ours (parameters drawn, recorded and applied,
rounded to the grid) and of each library (as its users call it, with parameters of its own for each row); ratio: the
fastest library's over ours, null where none has such an operator.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator

import torch
from peers_parts import libraries, loops, operators

from mlfuzz.campaign.isolation.process_setup import tune_malloc

CORPORA = "1,1000,5000,20000"
LOOPS = ("tensorfuzz", "deephunter", "foolbox", "art")
MODALITIES = ("images", "audio", "text")

BATCH, LENET_BATCH, ROWS = 4096, 512, 256


def lines(part: str, options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """What one part has to say. Raises ModuleNotFoundError with what to run."""
    seconds = options.seconds
    if part == "tensorfuzz":
        for entries in map(int, options.corpora.split(",")):
            for grows in (False, True):
                yield loops.tensorfuzz(entries, grows=grows, seconds=seconds or 4.0, batch=options.batch or BATCH)
    elif part == "deephunter":
        yield loops.deephunter(seconds=seconds or 4.0, batch=options.batch or LENET_BATCH)
    elif part in LOOPS:
        yield loops.noise_attack(part, seconds=seconds or 4.0, batch=options.batch or LENET_BATCH)
    elif part == "licences":
        yield from ({"bench": "peers", **each} for each in libraries.licences())
    else:
        only = tuple(options.only.split(",")) if options.only else ()
        yield from operators.table(part, rows=options.rows, seconds=seconds or 0.3, only=only)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = (*LOOPS, *MODALITIES, "licences")
    parser.add_argument("parts", nargs="*", default=[], help=f"of {', '.join(known)}; all where none is named")
    parser.add_argument("--install", action="store_true", help="install the libraries, and end")
    parser.add_argument("--corpora", default=CORPORA, help="entries to begin with")
    parser.add_argument("--seconds", type=float, default=0.0, help="of the CPU, a comparison")
    parser.add_argument("--batch", type=int, default=0, help="of ours, in the loops")
    parser.add_argument("--rows", type=int, default=ROWS, help="of the operators")
    parser.add_argument("--only", default="", help="operators, by the second part of their names")
    options = parser.parse_args()
    if options.install:
        return libraries.install()
    if wrong := [part for part in options.parts if part not in known]:
        parser.error(f"unknown part {wrong[0]!r}; there are {', '.join(known)}")
    tune_malloc()
    torch.set_num_threads(1)
    libraries.look_there()
    for part in options.parts or known:
        try:
            for line in lines(part, options):
                print(json.dumps({**line, "load": round(os.getloadavg()[0], 1)}), flush=True)
        except ModuleNotFoundError as error:
            print(error, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
