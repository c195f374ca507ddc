"""How fast the audio operators are: clips of 1 s at 16 kHz a CPU second, one JSON line each.

    scripts/bench mutators_audio [name ...]

clips_per_s: the operator with the step to the 16-bit grid, as the loop pays it. bare_clips_per_s: the function alone.
floor: what was measured for a native version of it before mlfuzz was written. One thread, time.process_time, the best
of several rounds; parameters are drawn once.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import torch
from peers_parts.turns import least_seconds

from mlfuzz.batch import TensorRows
from mlfuzz.modality.audio import Audio
from mlfuzz.mutators.base import MUTATORS, Mutator
from mlfuzz.testing.rows import example_rows

FLOORS = {
    "gain": 229_000, "clip": 64_000, "soft_clip": 64_000, "white_noise": 7_500, "pink_noise": 2_500,
    "brown_noise": 2_500,
    "shift": 5_300, "silence_insert": 48_000, "packet_loss_gilbert": 97_000, "packet_loss_periodic": 97_000,
    "dropouts": 97_000, "low_pass": 3_500, "high_pass": 3_500, "band_pass": 3_500, "equaliser": 3_500, "reverb": 800,
    "mu_law": 8_300, "bit_depth": 8_300, "speed": 1_900, "time_stretch": 349, "pitch_shift": 192, "adpcm": 679,
    "gsm": 160, "vorbis": 146, "mp3": 110, "opus": 23,
}  # fmt: skip
"""Clips a CPU second."""

ROWS = 64


def measure(part: Mutator, audio: Audio) -> dict[str, object]:
    """One line of the report."""
    rows = example_rows(audio, ROWS)
    assert isinstance(rows, TensorRows)
    columns = part.draw(ROWS, np.random.default_rng(0))
    tensors = {name: torch.from_numpy(np.ascontiguousarray(column)) for name, column in columns.items()}
    bare, whole = least_seconds(
        lambda: part.function(rows, **tensors), lambda: part.apply(rows, columns), seconds=0.6, rounds=4
    )
    nanoseconds = bare / (ROWS * rows.data.shape[-1]) * 1e9
    short = part.name.partition(".")[2]
    line: dict[str, object] = {
        "bench": "mutators_audio", "name": part.name, "clips_per_s": round(ROWS / whole),
        "bare_clips_per_s": round(ROWS / bare), "ns_per_sample": round(nanoseconds, 2), "cost": part.cost,
    }  # fmt: skip
    if short in FLOORS:
        line |= {"floor": FLOORS[short], "ratio": round(ROWS / bare / FLOORS[short], 2)}
    return line


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    audio = Audio()
    for part in MUTATORS:
        if part.modality == "audio" and (not names or part.name in names or part.name.partition(".")[2] in names):
            print(json.dumps(measure(part, audio)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
