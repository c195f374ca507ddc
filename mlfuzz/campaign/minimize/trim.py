"""Put an input back towards its seed, piece by piece, while it fails in the same way: the least that still breaks it.

The chain in words stays the explanation: what is left after trimming is a pattern that no operator makes. It says how
little of the input matters, and where.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlfuzz.campaign.confirm.confirm import key_of
from mlfuzz.campaign.confirm.oracle_run import OracleRun
from mlfuzz.campaign.minimize.candidates import FLOOR_FACTOR, SHARES, Attempts
from mlfuzz.campaign.minimize.diff import Difference, Elements, Kept, Pieces, difference
from mlfuzz.findings.finding import Finding
from mlfuzz.modality.base import Payload
from mlfuzz.targets.base import Target

ROUNDS = 3
"""Of shares that halve the step each time: the least amplitude to 1/16 to the third of it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """payload: fails alone, three times. changed, of: pieces, called `what`. largest: of full scale, None of texts."""

    payload: Payload
    margin: float | None
    changed: int
    of: int
    what: str
    largest: float | None
    tried: int


def trim(target: Target, finding: Finding, payload: Payload, seed: Payload, *, seconds: float) -> Cut | None:
    """The least difference from the seed found within about `seconds`; None where there is none to look at, or where
    nothing of it fails alone.

    Fewest pieces first, then the smallest changes. Source: Zeller and Hildebrandt, TSE 2002 (ddmin), with whole
    neighbourhoods put back in batches, those first whose absence costs the least margin.
    """
    found = difference(seed, payload, target.modality)
    if found is None:
        return None
    attempts = Attempts(OracleRun(target, finding, seed), FLOOR_FACTOR * (finding.floor or 0.0), key_of(finding),
                        deadline=time.monotonic() + seconds)  # fmt: skip
    search = _Search(found, attempts)
    history = [payload]
    kept = np.ones(found.pieces, np.bool_)
    while True:
        before = int(kept.sum())
        kept = search.fewer(kept)
        if int(kept.sum()) == before or attempts.late:
            break
    history.append(found.payload(kept))
    if isinstance(found, Elements):
        history.append(search.weaker(found, history[-1]))
    for candidate in reversed(history):
        failed, margin = attempts.alone(candidate)
        if failed:
            return Cut(candidate, margin, found.changed(candidate), found.total, found.what, found.largest(candidate),
                       attempts.tried)  # fmt: skip
    return None


class _Search:
    """For the fewest pieces, then the smallest changes, that still fail."""

    def __init__(self, found: Difference, attempts: Attempts) -> None:
        self.found, self.attempts = found, attempts

    def fewer(self, kept: Kept) -> Kept:
        """Neighbourhoods put back, large ones first."""
        for parts in self.found.parts(kept):
            left = [part for part in parts if kept[part].any()]
            while left and not self.attempts.late:
                smaller = self._without(kept, left)
                if smaller is None:
                    break
                kept = smaller
                left = [part for part in left if kept[part].any()]
            if self.attempts.late:
                break
        return kept

    def weaker(self, found: Elements, payload: Payload) -> Payload:
        """All changes at a smaller share of their size, then the largest ones cut down."""
        for change in (found.weaker, found.clipped):
            low, high = 0.0, 1.0
            whole = payload
            for _ in range(ROUNDS):
                shares = [low + (high - low) * step / SHARES for step in range(1, SHARES)]
                failing = np.flatnonzero(self.attempts.margins([change(whole, share) for share in shares]) > -np.inf)
                if not len(failing) or self.attempts.late:
                    break
                share = shares[int(failing[0])]
                payload, low, high = change(whole, share), share - (high - low) / SHARES, share
        return payload

    def _without(self, kept: Kept, parts: Sequence[Pieces]) -> Kept | None:
        """As many of the parts put back together as still fail; None where not a single one may go."""
        margins = self.attempts.margins([self.found.payload(_cleared(kept, [part])) for part in parts])
        order = [at for at in np.argsort(-margins, kind="stable").tolist() if margins[at] > -np.inf]
        if not order:
            return None
        best, low, high = 1, 1, len(order)
        while low < high and not self.attempts.late:
            counts = sorted({low + 1 + (high - low - 1) * step // (SHARES - 1) for step in range(SHARES)})
            tried = [self.found.payload(_cleared(kept, [parts[at] for at in order[:count]])) for count in counts]
            holding = [
                count for count, margin in zip(counts, self.attempts.margins(tried), strict=True) if margin > -np.inf
            ]
            if not holding:
                break
            best = low = max(holding)
            high = min((count - 1 for count in counts if count > best), default=high)
        return _cleared(kept, [parts[at] for at in order[:best]])


def _cleared(kept: Kept, parts: Sequence[Pieces]) -> Kept:
    cleared = kept.copy()
    for part in parts:
        cleared[part] = False
    return cleared
