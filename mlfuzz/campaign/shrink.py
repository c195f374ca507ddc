"""Make a finding's chain simpler while it fails in the same way: fewer steps, milder, rounder. Modality-blind.

One total order on chains, small passes that each try a batch of candidates, and the last word alone at batch 1.
A candidate with another key (other answer expected or got, other exception) never counts: a shrink does not drift.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mlfuzz.campaign.confirm import TIMES, key_of
from mlfuzz.campaign.trial import Trial
from mlfuzz.errors import ReplayError
from mlfuzz.findings.finding import Finding
from mlfuzz.modality.base import Payload
from mlfuzz.mutation import Chain, Mutation, Value
from mlfuzz.mutators.base import MUTATORS, Mutator
from mlfuzz.mutators.param import Integer, LogReal, Real, Seed, Sites, columns_of
from mlfuzz.targets.base import Target

SHARES = 16
"""Severities tried at once by the milder pass: two rounds find a boundary to 1/256 of a range."""

MAX_BATCH = 64
FLOOR_FACTOR = 2.0
"""A shrunk chain must fail by twice the floor, so that it does not sit on the edge of what counts; unless the recorded
one does."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """chain: the simplest that fails alone, three times. payload: the input it makes. tried: inputs run."""

    chain: Chain
    payload: Payload
    margin: float | None
    tried: int
    dominant: str


def shrink(target: Target, finding: Finding, seed: Payload, *, seconds: float = 2.0) -> Shrunk | None:
    """The simplest chain found within about `seconds`; None where not even the recorded one fails from the seed."""
    trial = Trial(target, finding, seed)
    floor = FLOOR_FACTOR * (finding.floor or 0.0)
    session = _Session(trial, floor, key_of(finding), time.monotonic() + seconds)
    chain = finding.chain
    if not session.fails([chain])[0]:
        session.floor = finding.floor or 0.0  # a disagreement in the last bits is no larger than that
        if not session.fails([chain])[0]:
            return None
    history = [chain]
    while True:
        before = order(chain)
        for walk in (_drop, _fuse, _neutral, _milder, _seeds, _fewer_sites):
            shorter = walk(chain, session)
            if order(shorter) < order(chain):
                chain = shorter
                history.append(chain)
        if order(chain) >= before or session.late:
            break
    history.append(_drop(_rounder(chain, session), session))  # a number rounded to neutral has made its step idle
    for candidate in reversed(history):
        result = session.alone(candidate)
        if result is not None:
            return Shrunk(candidate, result[0], result[1], session.tried, dominant(candidate))
    return None


def order(chain: Chain) -> tuple[int, int, float, int]:
    """The total order: fewer steps, fewer sites, milder, smaller whole numbers (noise seeds among them)."""
    return (
        len(chain),
        sum(_site_count(mutation) for mutation in chain),
        round(sum(severity(mutation) for mutation in chain), 6),
        sum(abs(value) for mutation in chain for value in mutation.params.values() if isinstance(value, int)),
    )


def severity(mutation: Mutation) -> float:
    """How far the parameters are from neutral, each in [0, 1] of its range; the largest of them.

    0 for a record of another version of the operator, with other parameters.
    """
    part = MUTATORS.get(mutation.name)
    if set(mutation.params) != set(part.full_space):
        return 0.0
    columns = columns_of(part.full_space, [mutation.params])
    shares = [float(space.severity(np.asarray(columns[name]))[0]) for name, space in part.space.items()]
    return max(shares, default=0.0)


def dominant(chain: Chain) -> str:
    """The operator that matters most: of the highest severity, the last of equals."""
    if not chain:
        return ""
    return max(enumerate(chain), key=lambda item: (severity(item[1]), item[0]))[1].name


class _Session:
    """Judges chains in batches, and counts."""

    def __init__(self, trial: Trial, floor: float, key: int | None, deadline: float) -> None:
        self.trial, self.floor, self.key, self.deadline = trial, floor, key, deadline
        self.tried = 0

    @property
    def late(self) -> bool:
        return time.monotonic() > self.deadline

    def fails(self, chains: Sequence[Chain]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        parts = []
        for start in range(0, len(chains), MAX_BATCH):
            some = chains[start : start + MAX_BATCH]
            judged = self.trial.judge(self.trial.mutants(some), some)
            parts.append(self.trial.fails(judged, self.floor, self.key))
            self.tried += len(some)
        return np.concatenate(parts) if parts else np.zeros(0, np.bool_)

    def alone(self, chain: Chain) -> tuple[Payload, float | None] | None:
        """(payload, margin) where the chain's input fails by itself, every time."""
        payload = self.trial.mutants([chain]).payload(0)
        margin: float | None = None
        for _ in range(TIMES):
            judged = self.trial.judge(self.trial.rows([payload]), [chain])
            self.tried += 1
            if not self.trial.fails(judged, self.floor, self.key)[0]:
                return None
            margin = float(judged.margins[0]) if np.isfinite(judged.margins[0]) else None
        return payload, margin

    def first(self, candidates: Sequence[Chain]) -> Chain | None:
        """The first failing candidate, in their order."""
        if not candidates or self.late:
            return None
        try:
            failing = np.flatnonzero(self.fails(candidates))
        except ReplayError:
            return None
        return candidates[int(failing[0])] if len(failing) else None


def _drop(chain: Chain, session: _Session) -> Chain:
    """Leave out runs of steps, longest runs first (delta debugging: Zeller and Hildebrandt, TSE 2002)."""
    while len(chain) > 1:
        candidates = [
            chain[:start] + chain[start + size :]
            for size in range(len(chain) - 1, 0, -1)
            for start in range(len(chain) - size + 1)
        ]
        shorter = session.first(candidates)
        if shorter is None:
            return chain
        chain = shorter
    return chain


def _fuse(chain: Chain, session: _Session) -> Chain:
    """Two steps of one operator as one that does what both did."""
    at = 0
    while at + 1 < len(chain):
        together = _together(chain[at], chain[at + 1])
        candidates = [] if together is None else [(*chain[:at], together, *chain[at + 2 :])]
        found = session.first(candidates)
        chain, at = (chain, at + 1) if found is None else (found, at)
    return chain


def _together(one: Mutation, other: Mutation) -> Mutation | None:
    """Parameters added, or multiplied where they are factors; what cannot be is taken from the second step."""
    if one.name != other.name or one.version != other.version:
        return None
    params = dict(other.params)
    for name, space in MUTATORS.get(one.name).space.items():
        left, right, neutral = one.params[name], other.params[name], space.neutral
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            continue
        if isinstance(space, LogReal) and isinstance(neutral, int | float):
            params[name] = float(np.float32(left * right / neutral))
        elif isinstance(space, Real) and isinstance(neutral, int | float):
            params[name] = float(np.float32(left + right - neutral))
        elif isinstance(space, Integer) and isinstance(neutral, int):
            params[name] = int(left + right - neutral)
        if not space.admits(params[name]):
            return None
    return Mutation(one.name, params, one.version)


def _neutral(chain: Chain, session: _Session) -> Chain:
    """Put single parameters to the value that changes nothing."""
    for at, mutation in enumerate(chain):
        for name, space in MUTATORS.get(mutation.name).space.items():
            if space.neutral is not None and len(mutation.params) > 1 and mutation.params[name] != space.neutral:
                found = session.first([_with(chain, at, {**chain[at].params, name: space.neutral})])
                chain = chain if found is None else found
    return chain


def _milder(chain: Chain, session: _Session) -> Chain:
    """The mildest severity of each step that still fails, by two rounds of 16 at once."""
    for at in range(len(chain)):
        low, high = 0.0, 1.0
        original = chain[at]
        for _ in range(2):
            shares = [low + (high - low) * share / SHARES for share in range(1, SHARES)]
            candidates = [_with(chain, at, _scaled(original, share)) for share in shares]
            distinct = [candidate for candidate in candidates if order(candidate) < order(chain)]
            found = session.first(distinct)
            if found is None:
                break
            share = shares[candidates.index(found)]
            chain, low, high = found, max(low, share - (high - low) / SHARES), share
    return chain


def _seeds(chain: Chain, session: _Session) -> Chain:
    """The first noise seeds, 0 to 3: equal findings then look equal."""
    for at, mutation in enumerate(chain):
        for name, space in MUTATORS.get(mutation.name).space.items():
            if isinstance(space, Seed) and mutation.params[name] not in range(4):
                found = session.first([_with(chain, at, {**chain[at].params, name: value}) for value in range(4)])
                chain = chain if found is None else found
    return chain


def _fewer_sites(chain: Chain, session: _Session) -> Chain:
    """Leave out places of a text operator: halves, then one by one."""
    for at in range(len(chain)):
        size = max(1, _site_count(chain[at]) // 2)
        while size >= 1 and not session.late:
            count = _site_count(chain[at])
            candidates = [
                _with(chain, at, _without_sites(chain[at], start, start + size))
                for start in range(0, count, size)
                if size < count
            ]
            found = session.first(candidates)
            if found is not None:
                chain = found
                continue
            size //= 2
    return chain


def _rounder(chain: Chain, session: _Session) -> Chain:
    """Rounder numbers, where they are simpler in the order."""
    for at in range(len(chain)):
        for name, value in list(chain[at].params.items()):
            if isinstance(value, float):
                space = MUTATORS.get(chain[at].name).full_space[name]
                candidates = [
                    _with(chain, at, {**chain[at].params, name: rounded})
                    for rounded in _roundings(value)
                    if space.admits(rounded)
                ]
                found = session.first([candidate for candidate in candidates if _rounder_than(candidate, chain)])
                chain = chain if found is None else found
    return chain


def _roundings(value: float) -> Iterator[float]:
    """1, 2, then 3 significant digits, as the float32 they are recorded as; away from zero first."""
    if value == 0:
        return
    exponent = int(np.floor(np.log10(abs(value))))
    for digits in range(3):
        step = 10.0 ** (exponent - digits)
        for rounded in (np.ceil(abs(value) / step) * step, round(abs(value) / step) * step):
            yield float(np.float32(np.sign(value) * rounded))


def _rounder_than(candidate: Chain, chain: Chain) -> bool:
    """Shorter numbers at nearly the same severity: a tenth of the range may be given up for them."""
    one, other = order(candidate), order(chain)
    return one[:2] == other[:2] and _digits(candidate) < _digits(chain) and one[2] <= other[2] + 0.02


def _digits(chain: Chain) -> int:
    return sum(
        len(f"{value:.6g}") for mutation in chain for value in mutation.params.values() if isinstance(value, float)
    )  # fmt: skip


def _scaled(mutation: Mutation, share: float) -> dict[str, Value]:
    part: Mutator = MUTATORS.get(mutation.name)
    params = dict(mutation.params)
    for name, space in part.space.items():
        column = columns_of({name: space}, [mutation.params])[name]
        scaled = space.milder(np.asarray(column), np.asarray([share], np.float32))[0]
        params[name] = scaled.item() if isinstance(scaled, np.generic) else scaled
    return params


def _with(chain: Chain, at: int, params: dict[str, Value]) -> Chain:
    changed = Mutation(chain[at].name, params, chain[at].version)
    return (*chain[:at], changed, *chain[at + 1 :])


def _site_count(mutation: Mutation) -> int:
    spaces = MUTATORS.get(mutation.name).full_space
    return max(
        (
            len(value)
            for name, value in mutation.params.items()
            if isinstance(value, list) and isinstance(spaces[name], Sites)
        ),
        default=0,
    )


def _without_sites(mutation: Mutation, start: int, stop: int) -> dict[str, Value]:
    count = _site_count(mutation)
    return {
        name: value[:start] + value[stop:] if isinstance(value, list) and len(value) == count else value
        for name, value in mutation.params.items()
    }
