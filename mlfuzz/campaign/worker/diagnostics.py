"""Settings that cannot work, told from what a campaign counts: one clear sentence each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ADMITS_MUCH, ADMITS_LITTLE = 0.2, 1e-4
"""Shares of the latest inputs between which a radius tells inputs apart."""

STEADY = 20_000
"""Inputs after which a radius that follows a rate has found it."""

FAILS_OFTEN = 0.8
"""Share of what an oracle judged from which it says more of itself than of the inputs."""

ENOUGH = 1_000


def radius(covered: Mapping[str, float], *, rows: int, entries: int, seeds: int) -> list[str]:
    """A radius that admits nearly all, or nothing. covered: the criterion's figures; rows: inputs of this life."""
    recent = covered.get("accepting")
    if recent is not None and rows > STEADY // 4 and recent > ADMITS_MUCH:
        return [
            f"coverage admits {recent:.0%} of all inputs: its radius {covered.get('radius', 0.0):.3g} tells nothing "
            "apart; radius=auto holds one per cent"
        ]
    if covered and rows > STEADY and (entries <= seeds if recent is None else recent < ADMITS_LITTLE):
        return [
            "coverage admits next to nothing: its radius is too wide, or the target's outputs do not move; "
            "mlfuzz list coverage"
        ]
    return []


def oracles(names: Sequence[str], failed: Sequence[int], judged: Sequence[int]) -> list[str]:
    """Oracles that fail on nearly every input they judge, whichever the seed."""
    return [
        f"oracle {name} fails on {bad / all_:.0%} of all inputs: too strict, or the target is broken; mlfuzz check"
        for name, bad, all_ in zip(names, failed, judged, strict=True)
        if all_ > ENOUGH and bad > FAILS_OFTEN * all_
    ]


def filters(*, rows: int, unjudged: int, dropped: int) -> list[str]:
    """Limits that drop most inputs, and oracles that can judge none of them."""
    warnings = []
    if rows > ENOUGH and unjudged - dropped > 0.9 * rows:
        warnings.append("over 90 % of the inputs could not be judged: no oracle fits these mutators")
    if rows > ENOUGH and dropped > 0.95 * rows:
        warnings.append("the limits refuse nearly every input: nothing is left to judge; widen them")
    elif rows > ENOUGH and dropped > 0.5 * rows:
        warnings.append("over half of the inputs lie beyond the limits and were dropped: widen them")
    return warnings
