"""Do operators keep the label that they say they keep? One JSON line an operator.

    scripts/bench label_effect [--twins language speech digits] [--operators text.dialect ...] [--cache FOLDER]
        [--judge both|robust|linear] [--draws 1] [--write FILE]

kept: share of the twin's seeds whose label both judges still see at a quarter, a half and full strength of one step
(what has no strengths: once), among those that both see as they are and the operator finds something to do in
(seeds). Judges: the robust twin, and a linear model that learnt the seeds with all default operators, so that it knows
those better than the others. effect, default: as declared. draws: mutants of each seed. write: the table that a
campaign's opinion on labels follows (mlfuzz/mutators/limits/label_shares.json), which the robust twins alone decide.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
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

LEAST_SEEDS = 8
"""Of which an opinion may be had: from fewer it would be chance."""


def main() -> None:
    """Print the lines."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--twins", nargs="+", default=list(TWINS), choices=list(TWINS))
    options.add_argument("--operators", nargs="*", default=[])
    options.add_argument("--cache", type=Path)
    options.add_argument("--judge", choices=("both", "robust", "linear"), default="both")
    options.add_argument("--draws", type=int, default=1)
    options.add_argument("--write", type=Path)
    asked = options.parse_args()
    table: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="mlfuzz-labels-") as scratch:
        for name in asked.twins:
            target = TWINS[name]()
            assert target.seeds is not None
            seeds = load_seeds(target.seeds, target.modality, labels=target.labels).seeds
            rows = from_payloads([seed.payload for seed in seeds], target.modality, target.device)
            labels = [str(seed.label) for seed in seeds]
            judge = jury(target, asked.cache or Path(scratch))
            if asked.judge != "both":
                judge = replace(judge, votes=judge.votes[:1] if asked.judge == "robust" else judge.votes[1:])
            known = _seen(judge, rows, labels)
            parts = [part for part in MUTATORS if part.modality == target.modality.name and not part.searched]
            for part in parts:
                if not asked.operators or part.name in asked.operators:
                    line, shares = effect(part, rows, labels, judge, known, asked.draws)
                    print(json.dumps({"twin": name, **line}), flush=True)
                    if shares:
                        table[part.name] = shares
    if asked.write:
        lines = [f"{json.dumps(name)}: {json.dumps(shares)}" for name, shares in sorted(table.items())]
        asked.write.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def effect(
    part: Mutator, rows: Rows, labels: list[str], judge: Judge, known: NDArray[np.bool_], draws: int
) -> tuple[dict[str, object], list[float]]:
    """Of one operator: the fields of a line, and what is kept at each of STRENGTHS as an opinion counts it.

    That is with one more kept and one more lost, so that a few seeds give no certainty; [] where nothing was changed.
    """
    scaled = scaled_of(part)
    tried, kept = np.zeros(len(STRENGTHS), np.int64), np.zeros(len(STRENGTHS), np.int64)
    for number in range(draws):
        rng = np.random.default_rng(number)
        whole = part.draw(len(rows), rng)
        chance = rng.integers(0, 2**63 - 1, len(rows))
        for at, strength in enumerate(STRENGTHS):
            columns = dict(whole)
            if scaled:
                severity = np.maximum.reduce([param.severity(whole[name]) for name, param in scaled.items()])
                share = (strength / np.maximum(severity, 1e-5)).astype(np.float32)
                for name, param in scaled.items():
                    moved = param.milder(whole[name], share)
                    columns[name] = np.clip(moved, param.low, param.high).astype(moved.dtype)
            mutated = part.apply(rows, part.record(rows, columns, chance))
            some = known & _changed(rows, mutated)
            tried[at] += some.sum()
            kept[at] += _seen(judge, mutated, labels)[some].sum()
    line = {
        "operator": part.name, "effect": part.effect, "default": part.default, "seeds": int(tried.max()),
        "kept": [round(float(one / of), 3) if of else None for one, of in zip(kept, tried, strict=True)],
    }  # fmt: skip
    shares = [round(float((one + 1) / (of + 2)), 3) for one, of in zip(kept, tried, strict=True)]
    return line, shares if tried[-1] >= LEAST_SEEDS else []


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
