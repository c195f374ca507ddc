"""The few findings that stand for all: what to label or to retrain on when there is room for so many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlfuzz.findings.finding import Finding
from mlfuzz.findings.fingerprint import fault_of
from mlfuzz.findings.labels import opinion_of
from mlfuzz.findings.sketch import direction
from mlfuzz.findings.weakness import SHIFT

FAULT, MOVE, ANSWER, OPERATOR, SEED = 0.2, 0.3, 0.2, 0.2, 0.1
"""What makes two findings alike: one fault, which way they moved the model, expected and got, the operator that does
most, the seed. No one of them outweighs two others: what mends separately is not known (`scripts/bench
export_budget`)."""


def most_worth(findings: Sequence[Finding], budget: int) -> list[int]:
    """Positions of at most `budget` findings, the most worth first; ties go to the more severe, then to the id.

    Each finding is represented by the chosen one that is most like it; faults count alike however many findings they
    have. The choice is greedy, at least 63 % of the best (Nemhauser, Wolsey and Fisher, Mathematical Programming 1978;
    facility location: Wei, Iyer and Bilmes, ICML 2015). Those that lost their label are never chosen.
    """
    able = [at for at, one in enumerate(findings) if (said := opinion_of(one)) is None or said.kept is not False]
    order = sorted(able, key=lambda at: (-(findings[at].severity or findings[at].margin or 0.0), findings[at].id))
    chosen: list[int] = []
    if not order:
        return chosen
    among = [findings[at] for at in order]
    likeness = _likeness(among)
    keys = [one.fault or fault_of(one) for one in among]
    counts = Counter(keys)
    weight = np.asarray([1 / counts[key] for key in keys])
    covered, free = np.zeros(len(among)), np.ones(len(among), np.bool_)
    while len(chosen) < min(budget, len(order)):
        gain = (np.maximum(likeness - covered[:, None], 0) * weight[:, None]).sum(0).round(9)
        best = int(np.argmax(np.where(free, gain, -1.0)))
        chosen.append(order[best])
        free[best] = False
        covered = np.maximum(covered, likeness[:, best])
    return chosen


def _likeness(findings: Sequence[Finding]) -> NDArray[np.float64]:
    """(n, n) in [0, 1]."""
    moves = [direction(one.evidence.get(SHIFT)) for one in findings]
    width = max((len(one) for one in moves if one), default=1)
    sketches = np.zeros((len(findings), width))
    for at, one in enumerate(moves):
        if one is not None:
            sketches[at, : len(one)] = one
    alike = MOVE * np.clip(sketches @ sketches.T, 0, 1)
    for part, names in (
        (FAULT, [one.fault or fault_of(one) for one in findings]),
        (ANSWER, [(one.target, one.expected or one.label, one.observed) for one in findings]),
        (OPERATOR, [one.chain[-1].name if one.chain else "" for one in findings]),
        (SEED, [one.seed_name for one in findings]),
    ):
        codes = np.unique([repr(name) for name in names], return_inverse=True)[1]
        alike += part * (codes[:, None] == codes[None, :])
    np.fill_diagonal(alike, 1.0)
    return np.asarray(alike)
