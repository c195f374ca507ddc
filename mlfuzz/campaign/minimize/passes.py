"""Small steps that make a failing chain simpler. Each tries a batch of candidates, and gives back what still fails."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlfuzz.campaign.confirm.complexity import order, site_count
from mlfuzz.campaign.minimize.candidates import SHARES, Attempts
from mlfuzz.mutation import Chain, Mutation, Value
from mlfuzz.mutators.base import MUTATORS, Mutator
from mlfuzz.mutators.param import Integer, LogReal, Real, Seed, columns_of


def drop(chain: Chain, attempts: Attempts) -> Chain:
    """Leave out runs of steps, longest runs first (delta debugging: Zeller and Hildebrandt, TSE 2002)."""
    while len(chain) > 1:
        candidates = [
            chain[:start] + chain[start + size :]
            for size in range(len(chain) - 1, 0, -1)
            for start in range(len(chain) - size + 1)
        ]
        shorter = attempts.first(candidates)
        if shorter is None:
            return chain
        chain = shorter
    return chain


def fuse(chain: Chain, attempts: Attempts) -> Chain:
    """Two steps of one operator as one that does what both did."""
    at = 0
    while at + 1 < len(chain):
        together = _together(chain[at], chain[at + 1])
        candidates = [] if together is None else [(*chain[:at], together, *chain[at + 2 :])]
        found = attempts.first(candidates)
        chain, at = (chain, at + 1) if found is None else (found, at)
    return chain


def neutral(chain: Chain, attempts: Attempts) -> Chain:
    """Put single parameters to the value that changes nothing."""
    for at, mutation in enumerate(chain):
        for name, space in MUTATORS.get(mutation.name).space.items():
            if space.neutral is not None and len(mutation.params) > 1 and mutation.params[name] != space.neutral:
                found = attempts.first([_with(chain, at, {**chain[at].params, name: space.neutral})])
                chain = chain if found is None else found
    return chain


def milder(chain: Chain, attempts: Attempts) -> Chain:
    """The mildest severity of each step that still fails, by two rounds of 16 at once."""
    for at in range(len(chain)):
        low, high = 0.0, 1.0
        original = chain[at]
        for _ in range(2):
            shares = [low + (high - low) * share / SHARES for share in range(1, SHARES)]
            candidates = [_with(chain, at, _scaled(original, share)) for share in shares]
            distinct = [candidate for candidate in candidates if order(candidate) < order(chain)]
            found = attempts.first(distinct)
            if found is None:
                break
            share = shares[candidates.index(found)]
            chain, low, high = found, max(low, share - (high - low) / SHARES), share
    return chain


def seeds(chain: Chain, attempts: Attempts) -> Chain:
    """The first noise seeds, 0 to 3: equal findings then look equal."""
    for at, mutation in enumerate(chain):
        for name, space in MUTATORS.get(mutation.name).space.items():
            if isinstance(space, Seed) and mutation.params[name] not in range(4):
                found = attempts.first([_with(chain, at, {**chain[at].params, name: value}) for value in range(4)])
                chain = chain if found is None else found
    return chain


def fewer_sites(chain: Chain, attempts: Attempts) -> Chain:
    """Leave out places of a text operator: halves, then one by one."""
    for at in range(len(chain)):
        size = max(1, site_count(chain[at]) // 2)
        while size >= 1 and not attempts.late:
            count = site_count(chain[at])
            candidates = [
                _with(chain, at, _without_sites(chain[at], start, start + size))
                for start in range(0, count, size)
                if size < count
            ]
            found = attempts.first(candidates)
            if found is not None:
                chain = found
                continue
            size //= 2
    return chain


def rounder(chain: Chain, attempts: Attempts) -> Chain:
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
                found = attempts.first([candidate for candidate in candidates if _rounder_than(candidate, chain)])
                chain = chain if found is None else found
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


def _scaled(mutation: Mutation, share: float) -> dict[str, Value]:
    part: Mutator = MUTATORS.get(mutation.name)
    params = dict(mutation.params)
    for name, space in part.space.items():
        column = columns_of({name: space}, [mutation.params])[name]
        scaled = space.milder(np.asarray(column), np.asarray([share], np.float32))[0]
        params[name] = scaled.item() if isinstance(scaled, np.generic) else scaled
    return params


def _without_sites(mutation: Mutation, start: int, stop: int) -> dict[str, Value]:
    count = site_count(mutation)
    return {
        name: value[:start] + value[stop:] if isinstance(value, list) and len(value) == count else value
        for name, value in mutation.params.items()
    }


def _with(chain: Chain, at: int, params: dict[str, Value]) -> Chain:
    changed = Mutation(chain[at].name, params, chain[at].version)
    return (*chain[:at], changed, *chain[at + 1 :])


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
    )
