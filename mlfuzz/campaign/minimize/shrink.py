"""Make a finding's chain simpler while it fails in the same way: fewer steps, milder, rounder. Modality-blind.

One total order on chains, small passes that each try a batch of candidates, and the last word alone at batch 1.
A candidate with another key (other answer expected or got, other exception) never counts: a shrink does not drift.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from mlfuzz.campaign.confirm.complexity import dominant, order
from mlfuzz.campaign.confirm.confirm import key_of
from mlfuzz.campaign.confirm.oracle_run import OracleRun
from mlfuzz.campaign.minimize.candidates import FLOOR_FACTOR, Attempts
from mlfuzz.campaign.minimize.passes import drop, fewer_sites, fuse, milder, neutral, rounder, seeds
from mlfuzz.findings.finding import Finding
from mlfuzz.modality.base import Payload
from mlfuzz.mutation import Chain
from mlfuzz.targets.base import Target


@dataclass(frozen=True, slots=True)
class ShrinkResult:
    """chain: the simplest that fails alone, three times. payload: the input it makes. tried: inputs run."""

    chain: Chain
    payload: Payload
    margin: float | None
    tried: int
    dominant: str


def shrink(target: Target, finding: Finding, seed: Payload, *, seconds: float = 2.0) -> ShrinkResult | None:
    """The simplest chain found within about `seconds`; None where not even the recorded one fails from the seed."""
    trial = OracleRun(target, finding, seed)
    floor = FLOOR_FACTOR * (finding.floor or 0.0)
    attempts = Attempts(trial, floor, key_of(finding), deadline=time.monotonic() + seconds)
    chain = finding.chain
    if not attempts.fails([chain])[0]:
        attempts.floor = finding.floor or 0.0  # a disagreement in the last bits is no larger than that
        if not attempts.fails([chain])[0]:
            return None
    history = [chain]
    while True:
        before = order(chain)
        for simpler in (drop, fuse, neutral, milder, seeds, fewer_sites):
            shorter = simpler(chain, attempts)
            if order(shorter) < order(chain):
                chain = shorter
                history.append(chain)
        if order(chain) >= before or attempts.late:
            break
    history.append(drop(rounder(chain, attempts), attempts))  # a number rounded to neutral has made its step idle
    for candidate in reversed(history):
        payload = trial.mutants([candidate]).payload(0)
        failed, margin = attempts.alone(payload, candidate)
        if failed:
            return ShrinkResult(candidate, payload, margin, attempts.tried, dominant(candidate))
    return None
