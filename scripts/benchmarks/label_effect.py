"""Do operators keep the label that they say they keep? One JSON line an operator.

    scripts/bench label_effect [--twins language speech digits] [--operators text.dialect ...] [--cache FOLDER]

kept: share of the twin's seeds whose label both judges still see at a quarter, a half and full strength of one step
(what has no strengths: once), among those that both see as they are and the operator finds something to do in
(seeds). Judges: the robust twin, and a linear model that learnt the seeds with all default operators, so that it knows
those better than the others. effect, default: as declared.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent))

from tasks.judge import Judge
from tasks.twins import jury

from mlfuzz.batch import Rows, TensorRows, TextRows, from_payloads
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.examples import digits, language, speech
from mlfuzz.mutators.base import MUTATORS, Mutator
from mlfuzz.mutators.limits.limits import scaled_of

TWINS = {"digits": digits.robust, "speech": speech.robust, "language": language.robust}
STRENGTHS = (0.25, 0.5, 1.0)


def main() -> None:
    """Print the lines."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--twins", nargs="+", default=list(TWINS), choices=list(TWINS))
    options.add_argument("--operators", nargs="*", default=[])
    options.add_argument("--cache", type=Path)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlfuzz-labels-") as scratch:
        for name in asked.twins:
            target = TWINS[name]()
            assert target.seeds is not None
            seeds = load_seeds(target.seeds, target.modality, labels=target.labels).seeds
            rows = from_payloads([seed.payload for seed in seeds], target.modality, target.device)
            labels = [str(seed.label) for seed in seeds]
            judge = jury(target, asked.cache or Path(scratch))
            known = _seen(judge, rows, labels)
            parts = [part for part in MUTATORS if part.modality == target.modality.name and not part.searched]
            for part in parts:
                if not asked.operators or part.name in asked.operators:
                    print(json.dumps({"twin": name, **effect(part, rows, labels, judge, known)}), flush=True)


def effect(part: Mutator, rows: Rows, labels: list[str], judge: Judge, known: NDArray[np.bool_]) -> dict[str, object]:
    """Of one operator: the fields of a line."""
    rng = np.random.default_rng(0)
    whole = part.draw(len(rows), rng)
    chance = rng.integers(0, 2**63 - 1, len(rows))
    scaled = scaled_of(part)
    kept, acted = [], 0
    for strength in STRENGTHS if scaled else (1.0,):
        columns = dict(whole)
        if scaled:
            severity = np.maximum.reduce([param.severity(whole[name]) for name, param in scaled.items()])
            share = (strength / np.maximum(severity, 1e-5)).astype(np.float32)
            for name, param in scaled.items():
                moved = param.milder(whole[name], share)
                columns[name] = np.clip(moved, param.low, param.high).astype(moved.dtype)
        mutated = part.apply(rows, part.record(rows, columns, chance))
        some = known & _changed(rows, mutated)
        acted = int(some.sum())
        kept.append(round(float(_seen(judge, mutated, labels)[some].mean()), 3) if acted else None)
    return {
        "operator": part.name, "effect": part.effect, "default": part.default, "seeds": acted, "kept": kept,
    }  # fmt: skip


def _seen(judge: Judge, rows: Rows, labels: list[str]) -> NDArray[np.bool_]:
    return np.logical_and.reduce([vote(rows, labels) for vote in judge.votes])


def _changed(before: Rows, after: Rows) -> NDArray[np.bool_]:
    if isinstance(before, TextRows) and isinstance(after, TextRows):
        return np.asarray([one != other for one, other in zip(before.texts, after.texts, strict=True)])
    assert isinstance(before, TensorRows)
    assert isinstance(after, TensorRows)
    if before.data.shape != after.data.shape:
        return np.ones(len(before), np.bool_)
    return np.asarray((before.data != after.data).flatten(1).any(1).numpy())


if __name__ == "__main__":
    main()
