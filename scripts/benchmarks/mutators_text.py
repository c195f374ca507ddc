"""How fast the text operators are: strings of 117 characters a CPU second, one JSON line each.

    scripts/bench mutators_text [name ...]

strings_per_s: choosing the sites and making the edits, as the loop pays it. apply_per_s: making recorded edits, as a
replay pays it. floor: what was measured for a version of it before mlfuzz was written. cost: as declared, in units of
`image.brightness`, which is timed in turns with it; ratio: what was measured now. One thread, time.process_time, the
best of several rounds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import numpy as np
import torch
from peers_parts.turns import least_seconds

from mlfuzz.batch import TextRows
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text
from mlfuzz.mutators.base import MUTATORS, Mutator
from mlfuzz.testing.rows import example_rows

FLOORS = {
    "typo": 14_000, "swap": 22_000, "delete": 9_000, "zero_width": 11_000, "bidi_mark": 11_000, "bidi_wrap": 11_000,
    "homoglyph": 13_000, "word_swap": 24_000,
}  # fmt: skip
"""Strings a CPU second."""

LENGTH = 117
SENTENCE = (
    "The committee didn't like the film - it's about 2 small dogs that find a large café in \"Straße 21\", isn't it?\n"
    "Fine, then."
)[:LENGTH]
ROWS = 64


def measure(part: Mutator, brightness: Callable[[], object], elements: int) -> dict[str, object]:
    """One line of the report."""
    rows = TextRows(tuple(SENTENCE[row % 3 :] + SENTENCE[: row % 3] for row in range(ROWS)), Text(max_chars=1000))
    columns = part.draw(ROWS, np.random.default_rng(0))
    seeds = np.arange(ROWS)
    recorded = part.record(rows, columns, seeds)
    both, apply, base = least_seconds(
        lambda: part.apply(rows, part.record(rows, columns, seeds)), lambda: part.apply(rows, recorded), brightness,
        seconds=0.3,
    )  # fmt: skip
    short = part.name.partition(".")[2]
    line: dict[str, object] = {
        "bench": "mutators_text", "name": part.name, "strings_per_s": round(ROWS / both),
        "apply_per_s": round(ROWS / apply), "ratio": round(both / (ROWS * LENGTH) / (base / elements), 1),
        "cost": part.cost,
    }  # fmt: skip
    if short in FLOORS:
        line |= {"floor": FLOORS[short], "over_floor": round(ROWS / both / FLOORS[short], 2)}
    return line


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    pictures = example_rows(Image((32, 32), 3), 256)
    part = MUTATORS.get("image.brightness")
    columns = part.draw(len(pictures), np.random.default_rng(1))
    for text in MUTATORS:
        if text.modality == "text" and (not names or text.name in names or text.name.partition(".")[2] in names):
            line = measure(text, lambda: part.apply(pictures, columns), 256 * 32 * 32 * 3)
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
