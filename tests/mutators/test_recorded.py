"""Chains that were recorded once give the same bits for ever, whatever batch they are in.

`recorded/<modality>.json` holds chains of every operator that was a default one when they were recorded, and hashes of
what they made of the example rows. Lines are added, never changed: a hash that no longer fits is a broken promise, and
an operator that is to behave otherwise gets a new version. `python -m tests.mutators.test_recorded [MODALITY]` adds
chains of operators that have none, and hashes of this platform where it has none.

Floating point differs by processor (instruction set, and the libraries' paths for its maker) and by the release of
torch, numpy and the codecs. Where nobody has recorded hashes, the means of the rows must be what they were instead.
"""

from __future__ import annotations

import hashlib
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import mlfuzz
from mlfuzz.batch import Rows, Step
from mlfuzz.findings.environment import environment
from mlfuzz.mutation import Chain, Mutation
from mlfuzz.mutators.base import defaults, replay
from mlfuzz.testing.rows import example_rows

FOLDER = Path(__file__).parent / "recorded"
MODALITIES = {
    "image": mlfuzz.Image(size=(24, 20), channels=3),
    "audio": mlfuzz.Audio(seconds=0.2),
    "text": mlfuzz.Text(max_chars=128),
}
EACH = 3
"""Chains of an operator; the last has a step of another operator before it."""

PARENTS = 14
"""As many as there are example sentences."""

MEAN_OFF = 0.02
"""Of full scale: how far a mean of another platform may be off. A threshold in an operator turns single values."""

Record = dict[str, Any]


def platform() -> str:
    """What the bits of floating point depend on."""
    found = environment()
    wanted = ("cpu", "torch", "numpy", "pillow", "soundfile")
    return " ".join([_maker(), *(f"{name} {found.get(name, '-')}" for name in wanted)])


def _maker() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id")), "unknown")


@cache
def recorded(modality: str) -> Record:
    made: Record = json.loads((FOLDER / f"{modality}.json").read_text())
    return made


def chains_of(record: Record) -> list[Chain]:
    return [msgspec.convert(chain["steps"], tuple[Mutation, ...]) for chain in record["chains"]]


def parents_of(record: Record, modality: str) -> Rows:
    rows = example_rows(MODALITIES[modality], PARENTS)
    return rows.take(np.asarray([chain["parent"] for chain in record["chains"]], np.int64))


def made(record: Record, modality: str, order: np.ndarray, size: int) -> list[Any]:
    """The payloads of the chains, made in that order and in batches of so many."""
    chains, parents = chains_of(record), parents_of(record, modality)
    found: list[Any] = [None] * len(chains)
    for start in range(0, len(order), size):
        some = order[start : start + size]
        rows = replay(parents.take(some), [chains[at] for at in some.tolist()])
        for at, number in enumerate(some.tolist()):
            found[number] = rows.payload(at)
    return found


def digest(payload: Any) -> str:
    data = payload.encode() if isinstance(payload, str) else np.ascontiguousarray(payload).tobytes()
    return hashlib.sha256(data).hexdigest()[:16]


def mean(payload: Any, modality: str) -> float:
    """Of full scale."""
    levels = MODALITIES[modality].levels or 1
    return 0.0 if isinstance(payload, str) else round(float(payload.mean() / levels), 5)


def orders(count: int) -> dict[str, tuple[np.ndarray, int]]:
    """Compositions of batches: all at once, backwards in small ones, shuffled in middling ones."""
    straight = np.arange(count)
    shuffled = np.random.default_rng(5).permutation(count)
    return {"at once": (straight, count), "in small batches": (straight[::-1].copy(), 7), "shuffled": (shuffled, 40)}


@pytest.mark.parametrize(
    "composition",
    [
        "at once",
        pytest.param("in small batches", marks=pytest.mark.slow),
        pytest.param("shuffled", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("modality", ["image", pytest.param("audio", marks=pytest.mark.slow), "text"])
def test_recorded_chains_give_the_bits_they_gave(modality: str, composition: str) -> None:
    record = recorded(modality)
    payloads = made(record, modality, *orders(len(record["chains"]))[composition])
    # No text is made of floating point: its bits are the same everywhere.
    known = record["hashes"].get("any" if modality == "text" else platform())
    for at, (chain, payload) in enumerate(zip(record["chains"], payloads, strict=True)):
        named = f"{modality} chain {at}, {[step['name'] for step in chain['steps']]}, {composition}"
        if known is not None:
            assert digest(payload) == known[at], f"{named}: other bits than were recorded on this platform"
        else:
            assert abs(mean(payload, modality) - chain["mean"]) < MEAN_OFF, f"{named}: another input altogether"


@pytest.mark.parametrize("modality", list(MODALITIES))
def test_every_default_operator_has_chains_on_record(modality: str) -> None:
    known = {(step["name"], step["version"]) for chain in recorded(modality)["chains"] for step in chain["steps"]}
    missing = {(part.name, part.version) for part in defaults(modality)} - known
    assert not missing, f"run: python -m tests.mutators.test_recorded {modality}"


def record_more(modality: str) -> None:
    """Chains of operators that have none, and hashes of this platform where it has none."""
    path = FOLDER / f"{modality}.json"
    record: Record = json.loads(path.read_text()) if path.is_file() else {"chains": [], "hashes": {}}
    known = {(chain["steps"][-1]["name"], chain["steps"][-1]["version"]) for chain in record["chains"]}
    begun = len(record["chains"])
    parts, rows = defaults(modality), example_rows(MODALITIES[modality], PARENTS)
    for number, part in enumerate(parts):
        if (part.name, part.version) in known:
            continue
        for each in range(EACH):
            row = rows.take(np.asarray([(number + 5 * each) % PARENTS]))
            steps = []
            for one in [parts[(number + 7) % len(parts)], part] if each == EACH - 1 else [part]:
                seeds = np.asarray([1000 * number + each])
                columns = one.record(row, one.draw(1, np.random.default_rng([number, each])), seeds)
                steps.append(Step(one.name, one.version, 0, 1, columns).mutation(0))
                row = one.apply(row, columns)
            record["chains"].append({
                "parent": (number + 5 * each) % PARENTS, "mean": mean(row.payload(0), modality),
                "steps": [{"name": step.name, "params": step.params, "version": step.version} for step in steps],
            })  # fmt: skip
    key = "any" if modality == "text" else platform()
    hashes = [digest(one) for one in made(record, modality, np.arange(len(record["chains"])), 1)]
    for name, before in record["hashes"].items():
        assert name == key or len(before) == len(hashes), f"{len(hashes) - begun} new chains want hashes of {name} too"
    assert record["hashes"].get(key, hashes)[:begun] == hashes[:begun] or not begun, "recorded chains give other bits"
    record["hashes"][key] = hashes
    FOLDER.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(chain, ensure_ascii=True) for chain in record["chains"])
    path.write_text(f'{{"chains": [\n{lines}\n],\n"hashes": {json.dumps(record["hashes"])}}}\n')


if __name__ == "__main__":
    for wanted in sys.argv[1:] or list(MODALITIES):
        record_more(wanted)
