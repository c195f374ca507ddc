"""Chains recorded by earlier commits give the rows that they gave then: one step of every operator, from fixed parents.

The files in old_chains/ hold, for each operator, the recorded parameters of three rows, a hash of the rows that came
of them, and a sketch: the mean of each row's sixteenths. Where the processor and the libraries are those of the file
the bits must be the same; elsewhere floating point may round otherwise, and the sketches must agree.

    python -m tests.mutators.test_old_chains     writes what is missing in the files, and leaves what is there
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from mlfuzz.batch import Rows, Step, TensorRows, from_payloads
from mlfuzz.findings.environment import environment
from mlfuzz.modality.audio import Audio
from mlfuzz.modality.base import Modality, Payload
from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text
from mlfuzz.mutation import Chain
from mlfuzz.mutators.base import MUTATORS, Mutator, replay

FOLDER = Path(__file__).parent / "old_chains"

SUBJECTS: dict[str, Modality] = {
    "grey": Image((28, 28), 1),
    "colour": Image((20, 27), 3),
    "sound": Audio(seconds=0.1),
    "text": Text(200),
}
ROWS = 3

OWN = tuple(name for name in MUTATORS.names() if MUTATORS.get(name).function.__module__.startswith("mlfuzz.mutators."))
"""Before any test runs: some register operators."""

SENTENCES = (
    "The committee didn't like the big film - it's about 2 small dogs in \"Straße 21\", isn't it? No: 10:30, 3.5 km.",
    "Ærøskøbing, naïve café; it is a movie that does not start on 2024-05-01.  See https://example.org/a?b=c now!",
    "101 7592 2088 102 Better letters still roll; well, I'd watch it again tomorrow, wouldn't you?\nFine, then.",
)

APART = 0.02
"""Of full scale: by so much a sixteenth of a row may differ where arithmetic rounds otherwise. A pixel or a sample that
falls on the other side of a step moves it by less; another operator moves it by more."""


def parents(modality: Modality) -> list[Payload]:
    """Three inputs made of whole numbers alone: the same on every machine."""
    if modality.name == "text":
        return list(SENTENCES)
    rng = np.random.Generator(np.random.Philox(key=7))
    if isinstance(modality, Image):
        assert modality.size is not None
        height, width = modality.size
        y, x = np.arange(height)[:, None], np.arange(width)
        shape = (modality.channels, height, width)
        return [
            ((3 * x * (row + 1) + 5 * y + 90 * ((x - y) % 9 < 3) + rng.integers(0, 20, shape)) % 256).astype(np.uint8)
            for row in range(ROWS)
        ]
    time = np.arange(1600)
    return [
        (((time * (97 + 60 * row)) % 16_001 - 8000) * (time % 800 > 99) + rng.integers(-300, 300, (1, 1600))).astype(
            np.int16
        )
        for row in range(ROWS)
    ]


def cases(which: str) -> list[tuple[Mutator, Modality]]:
    modality = SUBJECTS[which]
    own = [MUTATORS.get(name) for name in OWN]
    return [(part, modality) for part in own if part.modality == modality.name and not part.searched]


def recorded(part: Mutator, modality: Modality) -> list[Chain]:
    """A step for each of the parents."""
    rows = from_payloads(parents(modality), modality, torch.device("cpu"))
    columns = part.draw(ROWS, np.random.default_rng([3, len(part.name)]))
    record = part.record(rows, columns, np.arange(ROWS) + 5)
    step = Step(part.name, part.version, 0, ROWS, record)
    return [(step.mutation(row),) for row in range(ROWS)]


def made(chains: list[Chain], modality: Modality) -> Rows:
    return replay(from_payloads(parents(modality), modality, torch.device("cpu")), chains)


def fingerprint(rows: Rows) -> str:
    digest = hashlib.sha256()
    for row in range(len(rows)):
        payload = rows.payload(row)
        digest.update(payload.encode() if isinstance(payload, str) else np.ascontiguousarray(payload).tobytes())
    return digest.hexdigest()[:20]


def sketch(rows: Rows) -> list[list[float]]:
    """Means of sixteenths of each row; nothing for texts, whose edits no processor changes."""
    if not isinstance(rows, TensorRows):
        return []
    flat = rows.data.flatten(1).double().numpy()
    return [[round(float(part.mean()), 4) for part in np.array_split(row, 16)] for row in flat]


def machine() -> dict[str, str]:
    """What the bits of floating point, and of codecs, depend on."""
    names = ("torch", "numpy", "pillow", "soundfile", "cpu")
    found = {name: value for name, value in environment().items() if name in names}
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    fields = ("vendor_id", "cpu family", "model", "flags")
    about = [line for field in fields for line in lines if line.partition(":")[0].strip() == field]
    found["processor"] = hashlib.sha256("\n".join(sorted(set(about))).encode()).hexdigest()[:12]
    return found


SLOW = [pytest.param(which, marks=pytest.mark.slow) for which in ("grey", "sound")]


@pytest.mark.parametrize("which", ["colour", "text", *SLOW])
def test_chains_recorded_earlier_give_the_same_rows(which: str) -> None:
    held = json.loads((FOLDER / f"{which}.json").read_text())
    exact = held["machine"] == machine() or which == "text"
    assert set(held["operators"]) == {part.name for part, _ in cases(which)}
    for name, kept in held["operators"].items():
        chains = msgspec.convert(kept["chains"], list[Chain])
        rows = made(chains, SUBJECTS[which])
        if exact:
            assert fingerprint(rows) == kept["rows"], f"{name}: other bits than when the chain was recorded"
        else:
            assert np.allclose(sketch(rows), kept["sketch"], atol=APART), f"{name}: another operator than was recorded"


def write(which: str) -> None:
    path = FOLDER / f"{which}.json"
    held: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"machine": machine(), "operators": {}}
    for part, modality in cases(which):
        if part.name not in held["operators"]:
            chains = recorded(part, modality)
            rows = made(chains, modality)
            held["operators"][part.name] = {
                "chains": msgspec.to_builtins(chains), "rows": fingerprint(rows), "sketch": sketch(rows),
            }  # fmt: skip
    body = ",\n".join(f"{json.dumps(name)}: {json.dumps(kept)}" for name, kept in sorted(held["operators"].items()))
    path.write_text(f'{{"machine": {json.dumps(held["machine"])},\n"operators": {{\n{body}\n}}}}\n')


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in SUBJECTS:
        write(each)
